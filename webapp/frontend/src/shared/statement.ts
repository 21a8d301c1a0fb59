// What a result says, as the server words it: pages lay the sentences out and add none.
import { h } from "./dom";
import type { Shapes } from "./types";

export type Statement = Shapes["Statement"];
type Sentence = Shapes["Sentence"];

export function about(statement: Statement, ...topics: Sentence["topic"][]): Sentence[] {
  return statement.sentences.filter((one) => topics.includes(one.topic));
}

export function said(sentence: Sentence, look = ""): HTMLElement {
  return h("p", { class: look || null, "data-says": sentence.code }, sentence.text);
}
