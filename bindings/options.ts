import type { Init, WindowSize } from "./messages.js";

/** As much of a WebSocket as is used here; browsers and the package `ws` have it. */
export interface WebSocketLike {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** Makes a WebSocket; the global one of browsers, or `WebSocket` of the package `ws`. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** What the client tells about itself. */
export interface HelloInfo {
  /** The client's own version, for the log. */
  version: string;
  /** The client's platform, for the log. */
  platform: string;
  /** The size of its window in pixels. */
  windowSize: WindowSize;
}

/** Where the client stands in a stream of pushes. */
export interface Cursor {
  /** The stream. */
  stream: string;
  /** The last push of it that was delivered. */
  seq: number;
}

/**
 * Keeps the cursor beyond the life of the socket.
 *
 * The cursor says which pushes the client's state includes: keep it together with that state, or not
 * at all. A client that starts without a cursor is told everything it needs.
 */
export interface CursorStorage {
  load(): Cursor | undefined;
  save(cursor: Cursor): void;
}

/** What the connection does at the moment. */
export type Status =
  /** Not yet asked to connect. */
  | { state: "idle" }
  /** Under way to the sidecar. */
  | { state: "connecting" }
  /** The sidecar has said hello. */
  | { state: "open"; init: Init }
  /** It ended and will be tried again. */
  | { state: "waiting"; delayMs: number; code: number; reason: string }
  /** It ended for good. */
  | { state: "closed"; reason: string };

/** What a handler wants to be told of. */
export interface ListenOptions {
  /** Whether it is also told of the messages of a session that is replayed; it is not when left out. */
  replay?: boolean;
}

export interface PaigeSocketOptions {
  /** For instance `ws://127.0.0.1:3000/ws`. */
  url: string;
  /** The `ui` token. */
  token: string;
  hello: HelloInfo;
  /** Whether this client owns the terminal in which nudges are typed. */
  terminal?: boolean;
  /** The global one unless given. */
  WebSocket?: WebSocketConstructor;
  /** In memory unless given. */
  storage?: CursorStorage;
  /** Waits before the first, second, … try to connect again; the last one repeats. In milliseconds. */
  backoffMs?: readonly number[];
  /** By which part a wait may be longer or shorter, so that clients do not come back in step. */
  jitter?: number;
  /** How long an edit waits for the next one of the same file before it is sent. */
  debounceMs?: number;
  /** How long an edit waits at most while the typing goes on. */
  debounceMaxMs?: number;
  /** How long a request waits for its answer unless it says otherwise. */
  requestTimeoutMs?: number;
  /** How long a connection may take until the sidecar has said hello. */
  connectTimeoutMs?: number;
  /** Told of what handlers throw; the console unless given. */
  onHandlerError?: (error: unknown) => void;
}

export interface RequestOptions {
  /** How long to wait for the answer, in milliseconds; `Infinity` for ever. */
  timeoutMs?: number;
}

/** Every option with its value. */
export type Settings = Required<Omit<PaigeSocketOptions, "storage">> & { storage: CursorStorage };

/** Fills in what was not given. */
export function settings(options: PaigeSocketOptions): Settings {
  const WebSocket = options.WebSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (WebSocket === undefined) {
    throw new TypeError("There is no global WebSocket here; pass one as the option WebSocket, for instance that of the package ws.");
  }
  const backoffMs = options.backoffMs ?? [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
  if (backoffMs.length === 0) throw new RangeError("The option backoffMs must name at least one wait.");
  let kept: Cursor | undefined;
  const inMemory: CursorStorage = { load: () => kept, save: (cursor) => void (kept = cursor) };
  return {
    terminal: false,
    storage: inMemory,
    jitter: 0.2,
    debounceMs: 300,
    debounceMaxMs: 1_000,
    requestTimeoutMs: 30_000,
    connectTimeoutMs: 10_000,
    onHandlerError: (error) => console.error("A handler of PaigeSocket threw:", error),
    ...options,
    WebSocket,
    backoffMs,
  };
}
