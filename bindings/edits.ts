import type { BufferUpdate } from "./messages.js";

/** An edit whose backup the sidecar has not had time for when it was killed this long after it. */
const BACKUP_MS = 2_000;

interface Held {
  update: BufferUpdate;
  timer: ReturnType<typeof setTimeout>;
  latest: number;
}

/**
 * Holds back `buffer:update`s, so that typing sends a few of them and not one for each key, and knows
 * which of them a lost connection may have taken with it.
 */
export class Edits {
  private readonly held = new Map<string, Held>();
  private readonly written = new Map<string, { update: BufferUpdate; at: number; saving: boolean }>();

  constructor(
    private readonly waitMs: number,
    private readonly maxMs: number,
    private readonly deliver: (update: BufferUpdate) => void,
  ) {}

  /** Takes the newest text of a file. */
  put(update: BufferUpdate): void {
    const { path } = update;
    const before = this.held.get(path);
    clearTimeout(before?.timer);
    const now = Date.now();
    const latest = before?.latest ?? now + this.maxMs;
    const timer = setTimeout(() => this.flush(path), Math.max(0, Math.min(this.waitMs, latest - now)));
    this.held.set(path, { update, timer, latest });
  }

  /** Delivers what is held back of a file, or of all. */
  flush(path?: string): void {
    for (const [, { update }] of this.take(path)) this.deliver(update);
  }

  /** A text has been written to the connection. */
  wrote(update: BufferUpdate): void {
    this.written.set(update.path, { update, at: Date.now(), saving: false });
  }

  /** A save of the file has been written to the connection. */
  saving(path: string): void {
    const written = this.written.get(path);
    if (written !== undefined) written.saving = true;
  }

  /** The file was saved: what was written before the save is on disk, what came after it is not. */
  saved(path: string): void {
    if (this.written.get(path)?.saving) this.written.delete(path);
  }

  /** Forgets what is held back. */
  drop(): void {
    this.take();
    this.written.clear();
  }

  /** The text of a file is no longer this client's: it was closed, or another window changed it. */
  forget(path: string): void {
    this.written.delete(path);
  }

  /**
   * The connection is lost; `alive` is when the sidecar was last heard of. What was written since, or
   * shortly before, may not have reached its disk: it is delivered once more, unless newer text waits.
   */
  lost(alive: number): void {
    for (const [path, { update, at }] of this.written) {
      if (at >= alive - BACKUP_MS && !this.held.has(path)) this.deliver(update);
    }
    this.written.clear();
  }

  private take(path?: string): [string, Held][] {
    const taken = [...this.held].filter(([heldPath]) => path === undefined || heldPath === path);
    for (const [heldPath, { timer }] of taken) {
      clearTimeout(timer);
      this.held.delete(heldPath);
    }
    return taken;
  }
}
