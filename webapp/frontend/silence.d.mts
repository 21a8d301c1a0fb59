import type { Plugin } from "esbuild";

export const faceFinderWithoutReports: Plugin;
export function silenced(text: string): string;
export function refuseAddresses(folder: string): Promise<void>;
export function foreign(text: string, isRuntime?: boolean): string[];
