// Spoken prompts: off until asked for, remembered, and every one can be heard again.
import { recall, remember } from "../shared/remembered";

const KEY = "mimia-voice";

export class Voice {
  private last = "";
  on = Voice.isAvailable && recall(KEY) === "on";

  static get isAvailable(): boolean {
    return "speechSynthesis" in window;
  }

  turn(on: boolean): void {
    this.on = on;
    remember(KEY, on ? "on" : "off");
    if (!on && Voice.isAvailable) speechSynthesis.cancel();
  }

  /** Says it now; a sentence that is still running gives way, so that no cue comes late. */
  say(words: string): void {
    this.last = words;
    if (this.on) this.speak(words);
  }

  /** Says the last prompt again, even when the voice is off. */
  again(): void {
    if (this.last) this.speak(this.last);
  }

  private speak(words: string): void {
    if (!Voice.isAvailable) return;
    speechSynthesis.cancel();
    const utterance = new SpeechSynthesisUtterance(words);
    utterance.lang = document.documentElement.lang;
    utterance.rate = 0.9;
    speechSynthesis.speak(utterance);
  }
}
