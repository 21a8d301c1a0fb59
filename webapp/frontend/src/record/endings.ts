// Every way in which a take ends without a recording: what the person reads, and what is made
// otherwise before the next try. A take ends whole or with one of these, and with nothing else.

export type Ending =
  | "stopped"
  | "hidden"
  | "muted"
  | "ended"
  | "still"
  | "turned"
  | "unstarted"
  | "failed"
  | "empty";

interface Meaning {
  words: string;
  /** The camera itself may be at fault: it is opened anew before the next try. */
  camera?: true;
  /** The container may be at fault: the next try records into another one. */
  container?: true;
}

export const ENDINGS: Record<Ending, Meaning> = {
  stopped: { words: "You stopped this recording." },
  hidden: { words: "The page went into the background, so this recording stopped." },
  muted: { words: "The camera stopped for a moment, so this recording is not whole." },
  ended: { words: "The camera was switched off, so this recording is not whole.", camera: true },
  still: {
    words: "The camera’s picture stood still. It is not your fault. The camera will be started anew.",
    camera: true,
  },
  turned: {
    words: "The device was turned, so the picture changed its shape. Please let it stand as it is until the recording is over.",
  },
  unstarted: {
    words: "The recording did not begin. It is not your fault. The camera will be started anew.",
    camera: true,
    container: true,
  },
  failed: { words: "This recording did not work. It is not your fault.", container: true },
  empty: {
    words: "The camera gave no picture. It is not your fault. The camera will be started anew.",
    camera: true,
    container: true,
  },
};
