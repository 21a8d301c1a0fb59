// Recordings on this device until the server has confirmed them. Chunks are written here before
// they are uploaded, so that a crash, a reload or a lost connection loses nothing.
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Cue } from "../shared/types";

export interface Announced {
  seconds: number;
  frames: number | null;
  cues: Cue[];
  interrupted: boolean;
  mime_type: string;
}

export interface Take {
  id: string;
  user: string;
  screening: string;
  step: string;
  expression: string;
  mimeType: string;
  createdAt: number;
  /** "recording" after a reload means: the page died in mid-recording. */
  state: "recording" | "finished";
  announced: Announced | null;
  /** The clip this take was bound to, once the server told its id. */
  clip: string | null;
  uploadUrl: string | null;
}

interface Schema extends DBSchema {
  takes: { key: string; value: Take };
  chunks: { key: [string, number]; value: { bytes: ArrayBuffer } };
}

const KEEP_DAYS = 14;

export class Outbox {
  private constructor(private readonly db: IDBPDatabase<Schema>) {}

  static async open(name = "mimia-outbox"): Promise<Outbox> {
    const db = await openDB<Schema>(name, 1, {
      upgrade(fresh) {
        fresh.createObjectStore("takes", { keyPath: "id" });
        fresh.createObjectStore("chunks");
      },
    });
    return new Outbox(db);
  }

  /** This user's takes, oldest first. What was forgotten, of anybody, is cleared away. */
  async takes(user: string, now = Date.now()): Promise<Take[]> {
    await this.clearStray();
    const all = await this.db.getAll("takes");
    const old = all.filter((take) => now - take.createdAt > KEEP_DAYS * 86_400_000);
    for (const take of old) await this.remove(take.id);
    return all
      .filter((take) => take.user === user && !old.includes(take))
      .sort((a, b) => a.createdAt - b.createdAt);
  }

  get(id: string): Promise<Take | undefined> {
    return this.db.get("takes", id);
  }

  async put(take: Take): Promise<void> {
    await this.db.put("takes", take);
  }

  /** Changes some fields of a take that is still here. */
  async change(id: string, fields: Partial<Take>): Promise<void> {
    const transaction = this.db.transaction("takes", "readwrite");
    const take = await transaction.store.get(id);
    if (take) await transaction.store.put({ ...take, ...fields });
    await transaction.done;
  }

  /** Resolves once the chunk is durably written; one of a take that is gone is not kept. */
  async addChunk(id: string, index: number, bytes: ArrayBuffer): Promise<void> {
    const options = { durability: "strict" } as const;
    const transaction = this.db.transaction(["takes", "chunks"], "readwrite", options);
    if (await transaction.objectStore("takes").getKey(id)) {
      await transaction.objectStore("chunks").put({ bytes }, [id, index]);
    }
    await transaction.done;
  }

  async chunks(id: string): Promise<ArrayBuffer[]> {
    const rows = await this.db.getAll("chunks", IDBKeyRange.bound([id, 0], [id, Infinity]));
    return rows.map((row) => row.bytes);
  }

  async remove(id: string): Promise<void> {
    const transaction = this.db.transaction(["takes", "chunks"], "readwrite");
    await transaction.objectStore("takes").delete(id);
    await transaction
      .objectStore("chunks")
      .delete(IDBKeyRange.bound([id, 0], [id, Infinity]));
    await transaction.done;
  }

  /** Deletes chunks without a take: nobody could send or see them, and they would stay for good. */
  private async clearStray(): Promise<void> {
    const transaction = this.db.transaction(["takes", "chunks"], "readwrite");
    const chunks = transaction.objectStore("chunks");
    const known = new Set(await transaction.objectStore("takes").getAllKeys());
    for (const key of await chunks.getAllKeys()) {
      if (!known.has(key[0])) await chunks.delete(key);
    }
    await transaction.done;
  }
}
