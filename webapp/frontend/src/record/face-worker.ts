// The face finder, off the page's thread. Without it (no WebGL 2, no model) only light is judged.
import { FaceDetector, FilesetResolver } from "@mediapipe/tasks-vision";
import type { Box, Reading } from "./framing";

export type ToWorker = { type: "start"; vision: string } | { type: "frame"; bitmap: ImageBitmap };
export type FromWorker =
  | { type: "ready"; finder: boolean }
  | { type: "reading"; reading: Reading };

interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker): void;
}

const scope = globalThis as unknown as WorkerScope;
let detector: FaceDetector | null = null;
const SIDE = 32;
const small = new OffscreenCanvas(SIDE, SIDE).getContext("2d", { willReadFrequently: true });

// The runtime writes its progress to the error channel; only what is wrong belongs there.
const complain = console.error.bind(console);
console.error = (...words: unknown[]): void => {
  if (/^(INFO|[IW]\d{4})/.test(String(words[0]))) console.debug(...words);
  else complain(...words);
};

async function start(vision: string): Promise<void> {
  try {
    const fileset = await FilesetResolver.forVisionTasks(vision, true);
    detector = await FaceDetector.createFromOptions(fileset, {
      baseOptions: { modelAssetPath: `${vision}/face.tflite`, delegate: "CPU" },
      runningMode: "IMAGE",
      minDetectionConfidence: 0.5,
    });
  } catch (error) {
    console.info("no face finder in this browser:", error);
  }
  scope.postMessage({ type: "ready", finder: detector !== null });
}

function read(bitmap: ImageBitmap): Reading {
  const faces = detector ? boxes(detector, bitmap) : null;
  return { faces, brightness: brightness(bitmap, faces?.[0] ?? null) };
}

function boxes(finder: FaceDetector, bitmap: ImageBitmap): Box[] {
  return finder
    .detect(bitmap)
    .detections.flatMap(({ boundingBox: box }) =>
      box
        ? [
            {
              x: box.originX / bitmap.width,
              y: box.originY / bitmap.height,
              w: box.width / bitmap.width,
              h: box.height / bitmap.height,
            },
          ]
        : [],
    )
    .sort((a, b) => b.w * b.h - a.w * a.h);
}

/** Mean brightness (Rec. 601) of the face, or of the middle of the picture. */
function brightness(bitmap: ImageBitmap, face: Box | null): number {
  if (!small) return 0.5;
  const { width, height } = bitmap;
  const area = face ?? { x: 0.25, y: 0.15, w: 0.5, h: 0.7 };
  small.drawImage(
    bitmap,
    area.x * width,
    area.y * height,
    area.w * width,
    area.h * height,
    0,
    0,
    SIDE,
    SIDE,
  );
  const { data } = small.getImageData(0, 0, SIDE, SIDE);
  let sum = 0;
  for (let n = 0; n < data.length; n += 4) {
    sum += 0.299 * (data[n] ?? 0) + 0.587 * (data[n + 1] ?? 0) + 0.114 * (data[n + 2] ?? 0);
  }
  return sum / (SIDE * SIDE * 255);
}

scope.onmessage = ({ data }) => {
  if (data.type === "start") void start(data.vision);
  else {
    scope.postMessage({ type: "reading", reading: read(data.bitmap) });
    data.bitmap.close();
  }
};
