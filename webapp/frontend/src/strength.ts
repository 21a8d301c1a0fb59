// How hard a password is to guess, 0 to 4: zxcvbn with its lists of passwords that were stolen
// elsewhere. A file of its own, for the lists are large; the password stays in this page.
import { ZxcvbnFactory } from "@zxcvbn-ts/core";
import { adjacencyGraphs, dictionary } from "@zxcvbn-ts/language-common";

const OUR_WORDS = ["mimia", "hypomimia", "parkinson", "screening", "clinic", "patient"];
const zxcvbn = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });

export function strengthOf(password: string): number {
  return zxcvbn.check(password.slice(0, 64), OUR_WORDS).score;
}
