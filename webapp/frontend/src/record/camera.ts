// The camera: one stream for the whole session, no sound, and typed failures.
import { troubleOf } from "./help";
import type { Trouble } from "./machine";

export class CameraError extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble);
    this.name = "CameraError";
  }
}

const DEVICE_KEY = "mimia-camera";

export async function openCamera(deviceId = remembered()): Promise<MediaStream> {
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
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    throw new CameraError(troubleOf(error));
  }
}

export function closeCamera(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

export async function cameras(): Promise<{ id: string; name: string }[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter((device) => device.kind === "videoinput")
    .map((device, n) => ({ id: device.deviceId, name: device.label || `Camera ${n + 1}` }));
}

export function remember(deviceId: string): void {
  localStorage.setItem(DEVICE_KEY, deviceId);
}

function remembered(): string {
  return localStorage.getItem(DEVICE_KEY) ?? "";
}

/** Keeps the screen on while the camera page is open, where the browser can. */
export async function keepAwake(): Promise<void> {
  try {
    await navigator.wakeLock?.request("screen");
  } catch {
    // Battery saver says no: the session works without it.
  }
}
