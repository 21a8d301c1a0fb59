// The camera: one stream for the whole session, no sound, and typed failures.
import { recall, remember } from "../shared/remembered";
import { inTime } from "../shared/time";
import { troubleOf } from "./help";
import type { Trouble } from "./machine";

class CameraError extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble);
    this.name = "CameraError";
  }
}

export interface Device {
  id: string;
  name: string;
}

export interface CameraHooks {
  onAsked: () => void;
  /** The browser has not answered for a while: it may be asking, and nobody saw it. */
  onSlow: () => void;
  onReady: () => void;
  onFailed: (trouble: Trouble) => void;
}

const DEVICE_KEY = "mimia-camera";
const SLOW_MS = 8_000;
/** A camera that is open and gives no first picture for this long is called still. */
const PICTURE_MS = 8_000;
const LIST_MS = 2_000;

export class Camera {
  stream: MediaStream | null = null;
  devices: Device[] = [];
  private turn = 0;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly hooks: CameraHooks,
  ) {}

  get isLive(): boolean {
    return this.stream?.getVideoTracks()[0]?.readyState === "live";
  }

  /** The camera in use now. */
  get device(): string {
    return this.stream?.getVideoTracks()[0]?.getSettings().deviceId ?? "";
  }

  /** Asks for the camera, closing the one that is open. No answer is ever too late. */
  async open(deviceId = recall(DEVICE_KEY)): Promise<void> {
    this.close();
    this.turn += 1;
    const { turn } = this;
    this.hooks.onAsked();
    const slow = window.setTimeout(() => turn === this.turn && this.hooks.onSlow(), SLOW_MS);
    try {
      const stream = await streamOf(deviceId);
      // Of two questions that are both answered, the first answer counts.
      if (this.isLive) stop(stream);
      else await this.use(stream);
    } catch (error) {
      if (turn !== this.turn || this.isLive) return;
      this.hooks.onFailed(error instanceof CameraError ? error.trouble : troubleOf(error));
    } finally {
      window.clearTimeout(slow);
    }
  }

  /** Opens another camera, and remembers it for the next visit. */
  async pick(deviceId: string): Promise<void> {
    remember(DEVICE_KEY, deviceId);
    await this.open(deviceId);
  }

  close(): void {
    stop(this.stream);
    this.stream = null;
  }

  private async use(stream: MediaStream): Promise<void> {
    this.stream = stream;
    stream.getVideoTracks()[0]?.addEventListener("ended", () => {
      if (this.stream === stream) this.hooks.onFailed("busy");
    });
    const listed = inTime(this.list(), LIST_MS).catch(() => undefined);
    void keepAwake();
    const dark = window.setTimeout(() => {
      if (this.stream === stream) this.hooks.onFailed("still");
    }, PICTURE_MS);
    this.video.srcObject = stream;
    // Playing begins with the first picture; a camera without one never answers.
    await this.video.play().catch(() => undefined);
    window.clearTimeout(dark);
    await listed;
    if (this.stream === stream) this.hooks.onReady();
  }

  private async list(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices();
    this.devices = all
      .filter((device) => device.kind === "videoinput")
      .map((device, n) => ({ id: device.deviceId, name: device.label || `Camera ${n + 1}` }));
  }
}

async function streamOf(deviceId: string): Promise<MediaStream> {
  if (!window.isSecureContext) throw new CameraError("insecure");
  if (!("mediaDevices" in navigator) || typeof MediaRecorder === "undefined") {
    throw new CameraError("unsupported");
  }
  const video: MediaTrackConstraints = {
    width: { ideal: 640 },
    height: { ideal: 480 },
    frameRate: { ideal: 30 },
    ...(deviceId ? { deviceId: { ideal: deviceId } } : { facingMode: "user" }),
  };
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

function stop(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** Keeps the screen on while the camera page is open, where the browser can. */
async function keepAwake(): Promise<void> {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // Battery saver says no: the session works without it.
  }
}
