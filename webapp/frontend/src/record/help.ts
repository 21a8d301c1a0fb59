// What to do when the camera does not come: words and a drawing for this browser and this error.
import type { Trouble } from "./machine";

export type Browser = "chrome" | "edge" | "firefox" | "safari" | "ios" | "other";

export interface Help {
  title: string;
  words: string;
  steps: string[];
  /** A drawing in public/help/, without the ending. */
  picture: string;
}

export function troubleOf(error: unknown): Trouble {
  switch (error instanceof Error || error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
    case "PermissionDeniedError":
      return "denied";
    case "NotFoundError":
    case "DevicesNotFoundError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
    case "TrackStartError":
      return "busy";
    case "OverconstrainedError":
      return "overconstrained";
    default:
      return "unknown";
  }
}

export function browserOf(agent: string): Browser {
  if (/iPhone|iPad|iPod/.test(agent)) return "ios";
  if (/Firefox\//.test(agent)) return "firefox";
  if (/Edg\//.test(agent)) return "edge";
  if (/Chrome\/|Chromium\/|CriOS\//.test(agent)) return "chrome";
  return /Safari\//.test(agent) ? "safari" : "other";
}

const ALLOW: Record<Browser, { picture: string; steps: string[] }> = {
  chrome: {
    picture: "permission-chrome",
    steps: [
      "Look at the address line at the top. Press the small sign at its left end.",
      "Switch on “Camera”.",
      "Press “Try again” below.",
    ],
  },
  edge: {
    picture: "permission-chrome",
    steps: [
      "Press the small lock at the left of the address line at the top.",
      "Beside “Camera”, choose “Allow”.",
      "Press “Try again” below.",
    ],
  },
  firefox: {
    picture: "permission-firefox",
    steps: [
      "Press the crossed-out camera at the left of the address line at the top.",
      "Press the small × beside “Blocked temporarily”.",
      "Press “Try again” below, then “Allow”.",
    ],
  },
  safari: {
    picture: "permission-safari",
    steps: [
      "At the top of the screen open “Safari”, then “Settings for this website”.",
      "Beside “Camera”, choose “Allow”.",
      "Press “Try again” below.",
    ],
  },
  ios: {
    picture: "permission-safari",
    steps: [
      "Press “aA” or the small page sign in the address line.",
      "Open “Website settings”, and beside “Camera” choose “Allow”.",
      "Press “Try again” below.",
    ],
  },
  other: {
    picture: "permission-chrome",
    steps: [
      "Open your browser’s settings for this website.",
      "Allow the camera.",
      "Press “Try again” below.",
    ],
  },
};

/** Where browsers put the question, for somebody who does not see it. */
export function helpWithQuestion(browser: Browser): Pick<Help, "steps" | "picture"> {
  return {
    picture: ALLOW[browser].picture,
    steps: [
      "Look at the edges of your screen: your browser may be asking whether this page may use the camera.",
      "Choose “Allow”. There is no hurry, the page waits.",
      "If you see no question, press “Ask again”.",
    ],
  };
}

export function helpFor(trouble: Trouble, browser: Browser): Help {
  switch (trouble) {
    case "denied":
      return {
        title: "The camera is not allowed yet",
        words: "Your browser asked whether this page may use the camera, and the answer was no.",
        ...ALLOW[browser],
      };
    case "missing":
      return {
        title: "No camera was found",
        words: "This device has no camera, or it is not plugged in.",
        picture: "no-camera",
        steps: [
          "If your camera has a cable, unplug it and plug it in again.",
          "Some laptops have a small slider over the camera, or a key that switches it off.",
          "Or open this page on a phone or tablet.",
        ],
      };
    case "busy":
      return {
        title: "Another program is using the camera",
        words: "Only one program at a time can use it.",
        picture: "busy-camera",
        steps: [
          "Close video calls and other camera programs, other browser windows too.",
          "Press “Try again” below.",
          "If that does not help, restart the device.",
        ],
      };
    case "insecure":
      return {
        title: "This address is not secure",
        words: "Browsers give a camera only to pages whose address begins with https://.",
        picture: "insecure",
        steps: ["Please open the link from your clinic again, with https:// at its beginning."],
      };
    case "unsupported":
      return {
        title: "This browser cannot record video",
        words: "It is probably too old.",
        picture: "no-camera",
        steps: ["Please update it, or use a current Chrome, Edge, Firefox or Safari."],
      };
    case "overconstrained":
      return {
        title: "This camera does not fit",
        words: "The camera that was chosen cannot deliver a usable picture.",
        picture: "no-camera",
        steps: ["Please choose another camera, or press “Try again”."],
      };
    case "still":
      return {
        title: "The camera gives no picture",
        words: "It was switched on, but its picture does not come or does not move.",
        picture: "busy-camera",
        steps: [
          "Is something in front of the camera? Some have a small slider.",
          "If your camera has a cable, unplug it and plug it in again.",
          "Press “Try again” below.",
          "If that does not help, restart the device. Nothing that was sent is lost.",
        ],
      };
    case "unknown":
      return {
        title: "The camera did not start",
        words: "The browser did not say why.",
        picture: "busy-camera",
        steps: [
          "Press “Try again” below.",
          "If that does not help, close the browser and open this page again. Nothing that was sent is lost.",
        ],
      };
  }
}
