// What the network between here and the clinic lets through: how large a piece, and by which method.
// Proxies and filters refuse both, some with an answer and some without; a piece that was not taken
// is tried smaller, or as a POST that says it means PATCH (tus asks a server to honour that).
import type { ApiError } from "../shared/api";

const LARGEST = 4 * 1024 * 1024;
export const SMALLEST = 64 * 1024;

export class Road {
  chunkBytes = LARGEST;
  asPost = false;
  private turned = false;
  private unanswered = 0;

  /** A piece went through: this is a way. */
  worked(): void {
    this.turned = false;
    this.unanswered = 0;
  }

  /** Learns from a piece that was not taken. True when another way is worth trying at once. */
  learn(error: ApiError): boolean {
    if (error.status === 0) {
      // Many proxies cut the connection rather than answer. So does a train in a tunnel: no hurry.
      this.unanswered += 1;
      if (this.unanswered % 2 === 0) {
        this.halve();
        this.asPost = !this.asPost;
      }
      return false;
    }
    if (error.status === 413) return this.isAboutPieces(error) && this.halve();
    return this.isAboutMethod(error) && this.turn();
  }

  /** Our server says of a whole recording that it is too large; a proxy knows of pieces only. */
  private isAboutPieces(error: ApiError): boolean {
    return error.isForeign || error.code === "chunk_too_large";
  }

  private isAboutMethod(error: ApiError): boolean {
    if (error.status === 405 || error.status === 501) return true;
    return error.isForeign && error.status < 500 && error.status !== 408;
  }

  private halve(): boolean {
    if (this.chunkBytes <= SMALLEST) return false;
    this.chunkBytes /= 2;
    return true;
  }

  private turn(): boolean {
    this.asPost = !this.asPost;
    const isFirst = !this.turned;
    this.turned = true;
    return isFirst;
  }
}
