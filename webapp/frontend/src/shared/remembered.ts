// Small choices remembered on this device. A browser may refuse its storage as a whole: then
// nothing is remembered, and nothing else happens.

export function recall(key: string): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    return;
  }
}
