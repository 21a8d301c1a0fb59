// Recordings on this device until the server has confirmed them. Chunks are written here before
// they are uploaded, so that a crash, a reload or a lost connection loses nothing. A browser may
// refuse the room, run out of it or never answer: then writing says so, and the sender goes on with
// what it holds in memory.
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { inTime, TookTooLong } from "../shared/time";
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

type Database = IDBPDatabase<Schema>;

/** Why nothing can be kept on this device: no leave, no room, no answer. */
export type StorageTrouble = "refused" | "full" | "silent";

export class StorageError extends Error {
  constructor(readonly trouble: StorageTrouble) {
    super(trouble);
    this.name = "StorageError";
  }
}

/** A browser's storage that has not answered for this long counts as silent, until it does. */
const PATIENCE_MS = 8_000;

export class Outbox {
  private db: Database | null = null;
  private found: StorageTrouble | null = null;
  /** Why a take is not kept that could not be written, also when the storage is well again. */
  lastTrouble: StorageTrouble = "refused";

  private constructor(
    private readonly onChange: () => void,
    private readonly patience: number,
  ) {}

  /** Never fails: a browser that keeps nothing gives an outbox in ``trouble``. */
  static async open(
    name = "mimia-outbox",
    onChange = (): void => undefined,
    patience = PATIENCE_MS,
  ): Promise<Outbox> {
    const outbox = new Outbox(onChange, patience);
    await outbox.connect(name);
    return outbox;
  }

  /** What is wrong with this device's storage; null when all is well. */
  get trouble(): StorageTrouble | null {
    return this.found;
  }

  /**
   * This user's takes, oldest first. A take leaves when the server has it or its patient gives it
   * up, never because of its age: a device's clock can be weeks off. Raises StorageError.
   */
  async takes(user: string): Promise<Take[]> {
    await this.read((db) => clearStray(db));
    const all = await this.read((db) => db.getAll("takes"));
    return all.filter((take) => take.user === user).sort((a, b) => a.createdAt - b.createdAt);
  }

  /** Raises StorageError. */
  get(id: string): Promise<Take | undefined> {
    return this.read((db) => db.get("takes", id));
  }

  /** Raises StorageError. */
  async chunks(id: string): Promise<ArrayBuffer[]> {
    const rows = await this.read((db) => db.getAll("chunks", chunksOf(id)));
    return rows.map((row) => row.bytes);
  }

  // Every writer resolves with whether it is durably written.

  put(take: Take): Promise<boolean> {
    return this.write(async (db) => {
      await db.put("takes", take);
    });
  }

  /** Changes some fields of a take that is still here. */
  change(id: string, fields: Partial<Take>): Promise<boolean> {
    return this.write(async (db) => {
      const transaction = db.transaction("takes", "readwrite");
      const take = await transaction.store.get(id);
      await Promise.all([take && transaction.store.put({ ...take, ...fields }), transaction.done]);
    });
  }

  /** One chunk; of a take that is gone none is kept. */
  addChunk(id: string, index: number, bytes: ArrayBuffer): Promise<boolean> {
    return this.write(async (db) => {
      const options = { durability: "strict" } as const;
      const transaction = db.transaction(["takes", "chunks"], "readwrite", options);
      const isKnown = await transaction.objectStore("takes").getKey(id);
      const put = isKnown && transaction.objectStore("chunks").put({ bytes }, [id, index]);
      await Promise.all([put, transaction.done]);
    });
  }

  remove(id: string): Promise<boolean> {
    return this.write(async (db) => {
      const transaction = db.transaction(["takes", "chunks"], "readwrite");
      await Promise.all([
        transaction.objectStore("takes").delete(id),
        transaction.objectStore("chunks").delete(chunksOf(id)),
        transaction.done,
      ]);
    });
  }

  private async connect(name: string): Promise<void> {
    // Asked inside a promise: a browser may refuse by throwing at once.
    const opening = async (): Promise<Database> =>
      openDB<Schema>(name, 1, {
        upgrade(fresh) {
          fresh.createObjectStore("takes", { keyPath: "id" });
          fresh.createObjectStore("chunks");
        },
      });
    await this.heed(opening(), (db) => {
      this.db = db;
    }).catch(() => undefined);
  }

  private async read<T>(what: (db: Database) => Promise<T>): Promise<T> {
    const { db } = this;
    if (!db) throw new StorageError(this.found ?? "refused");
    return this.heed(what(db), () => {
      this.db = db;
    });
  }

  private async write(what: (db: Database) => Promise<void>): Promise<boolean> {
    try {
      await this.read(what);
      this.tell(null);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Waits for the storage, within patience. While it is silent nothing else is asked of it; it is
   * back when the answer comes after all, ``onAnswer``. Raises StorageError.
   */
  private async heed<T>(asked: Promise<T>, onAnswer: (answer: T) => void): Promise<T> {
    try {
      const answer = await inTime(asked, this.patience);
      onAnswer(answer);
      return answer;
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble === "silent") {
        this.db = null;
        const back = (answer: T): void => {
          onAnswer(answer);
          this.tell(null);
        };
        asked.then(back, (late) => this.tell(troubleOf(late)));
      }
      this.tell(trouble);
      throw new StorageError(trouble);
    }
  }

  private tell(trouble: StorageTrouble | null): void {
    if (trouble) this.lastTrouble = trouble;
    if (trouble === this.found) return;
    this.found = trouble;
    this.onChange();
  }
}

function troubleOf(error: unknown): StorageTrouble {
  if (error instanceof TookTooLong) return "silent";
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  return name === "QuotaExceededError" ? "full" : "refused";
}

function chunksOf(id: string): IDBKeyRange {
  return IDBKeyRange.bound([id, 0], [id, Infinity]);
}

/** Deletes chunks without a take: nobody could send or see them, and they would stay for good. */
async function clearStray(db: Database): Promise<void> {
  const transaction = db.transaction(["takes", "chunks"], "readwrite");
  const chunks = transaction.objectStore("chunks");
  const known = new Set(await transaction.objectStore("takes").getAllKeys());
  for (const key of await chunks.getAllKeys()) {
    if (!known.has(key[0])) await chunks.delete(key);
  }
  await transaction.done;
}
