// allauth's own script does the passkeys; when it fails the reader is told in words.
const TROUBLE: Record<string, string> = {
  NotAllowedError: "Nothing was changed: it was stopped, or it took too long. Please try again.",
  InvalidStateError: "This device has a passkey for your account already.",
  SecurityError: "Passkeys work only at the site’s own name and over a safe line (https).",
  NotSupportedError: "This browser knows no passkeys. Please use another way.",
};

export function showPasskeyTrouble(): void {
  document.addEventListener("allauth.error", (event) => {
    const place = document.getElementById("passkey-trouble");
    if (!place) return;
    event.preventDefault();
    const { exception } = (event as CustomEvent<{ exception: unknown }>).detail;
    const name = exception instanceof Error ? exception.name : "";
    place.textContent =
      TROUBLE[name] ?? "The passkey could not be used. Please try again, or use another way.";
    place.hidden = false;
  });
}
