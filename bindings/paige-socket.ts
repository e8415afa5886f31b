import { meaning, type Answer, type Asking, type Sending } from "./answers.js";
import { Edits } from "./edits.js";
import { ConnectionClosedError, ConnectionLostError, PaigeError, RequestTimeoutError } from "./errors.js";
import {
  PROTOCOL_VERSION,
  type ClientPayloads,
  type Init,
  type ServerFrame,
  type ServerMessage,
  type ServerPayloads,
} from "./messages.js";
import { settings, type Cursor, type ListenOptions, type PaigeSocketOptions, type RequestOptions, type Settings, type Status, type WebSocketLike } from "./options.js";

/** Close codes after which trying again is of no use, with what a person can do about them. */
const FINAL_CODES: ReadonlyMap<number, string> = new Map([
  [1008, "The sidecar refused the connection; check the token and the origin."],
  [4400, "The sidecar speaks another version of the protocol; update the older one of the two."],
]);

/** A timer that is set for longer than this fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A request that waits for its answer. */
interface Pending {
  type: Asking;
  written: boolean;
  resolve: (payload: never) => void;
  reject: (error: Error) => void;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** A message that waits for the connection. */
interface Outgoing {
  type: Sending;
  payload: ClientPayloads[Sending];
  id?: number;
}

type Handler = (payload: never, frame: ServerFrame) => void;

/**
 * A client of Paige that connects again by itself and then continues where it was cut off: no push is
 * missed, and none is delivered twice.
 */
export class PaigeSocket {
  private readonly settings: Settings;
  private readonly edits: Edits;
  /** By type, each with whether it wants replays as well. */
  private readonly handlers = new Map<string, Map<Handler, boolean>>();
  private readonly statusHandlers = new Set<(status: Status) => void>();
  private readonly pending = new Map<number, Pending>();
  private readonly waiting: Outgoing[] = [];

  private current: Status = { state: "idle" };
  private socket: WebSocketLike | undefined;
  private position: Cursor | undefined;
  private first: { promise: Promise<Init>; resolve: (init: Init) => void; reject: (error: Error) => void } | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private nextId = 1;
  private failures = 0;
  private alive = 0;
  /** Pushes up to here may be sent without some that have expired; later ones come without gaps. */
  private replayUntil = 0;
  private refusal: Error | undefined;

  constructor(options: PaigeSocketOptions) {
    this.settings = settings(options);
    this.position = this.settings.storage.load();
    const { debounceMs, debounceMaxMs } = this.settings;
    this.edits = new Edits(debounceMs, debounceMaxMs, (payload) => this.transmit({ type: "buffer:update", payload }));
  }

  /** What the connection does at the moment. */
  get status(): Status {
    return this.current;
  }

  /** Where this client stands in the stream of pushes; `undefined` before the first connection. */
  get cursor(): Cursor | undefined {
    return this.position && { ...this.position };
  }

  /**
   * Connects, and stays connected until `close`. Settles with the first hello of the sidecar, or when
   * the connection is closed for good; until then a sidecar that is not there is tried again.
   */
  connect(): Promise<Init> {
    if (this.current.state === "closed") return Promise.reject(this.closedError(this.current.reason));
    if (this.first === undefined) {
      let settle!: { resolve: (init: Init) => void; reject: (error: Error) => void };
      const promise = new Promise<Init>((resolve, reject) => (settle = { resolve, reject }));
      this.first = { promise, ...settle };
      this.open();
    }
    return this.first.promise;
  }

  /**
   * Asks, and settles with the answer, with the sidecar's error (`PaigeError`), when the connection is
   * lost (`ConnectionLostError`) or when time is up (`RequestTimeoutError`). A request is never sent
   * twice; one that is made without a connection waits for it.
   */
  request<T extends Asking>(type: T, payload: ClientPayloads[T], options: RequestOptions = {}): Promise<Answer<T>> {
    if (this.current.state === "closed") return Promise.reject(new ConnectionLostError(type, false));
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      const timeoutMs = options.timeoutMs ?? this.settings.requestTimeoutMs;
      const expire = () => this.settle(id, (request) => request.reject(new RequestTimeoutError(type, request.written, timeoutMs)));
      const timer = timeoutMs <= LONGEST_TIMER_MS ? setTimeout(expire, timeoutMs) : undefined;
      this.pending.set(id, { type, written: false, resolve, reject, timer });
      this.flushBefore(type, payload);
      this.transmit({ type, payload, id });
    });
  }

  /**
   * Sends a message that is not answered; without a connection it waits for one. `buffer:update` is
   * held back until the typing pauses.
   */
  send<T extends Sending>(type: T, payload: ClientPayloads[T]): void {
    if (this.current.state === "closed") return;
    if (type === "buffer:update") {
      this.edits.put(payload as ClientPayloads["buffer:update"]);
      return;
    }
    this.flushBefore(type, payload);
    this.transmit({ type, payload });
  }

  /** Sends the edits of a file, or of all, that are held back. */
  flush(path?: string): void {
    this.edits.flush(path);
  }

  /**
   * Calls the handler for every message of this type, or with `"*"` of any type, that is not the
   * answer to a request. Returns what ends it.
   *
   * A session that is replayed (`paige-sidecar replay`) says nothing of how things are now, so that its
   * messages go only to handlers that ask for them with `{ replay: true }`; `frame.replay` tells them.
   */
  on<T extends keyof ServerPayloads>(type: T, handler: (payload: ServerPayloads[T], frame: ServerFrame) => void, options?: ListenOptions): () => void;
  on(type: "*", handler: (frame: ServerFrame) => void, options?: ListenOptions): () => void;
  on(type: string, handler: ((frame: ServerFrame) => void) | Handler, options: ListenOptions = {}): () => void {
    const registered: Handler = type === "*" ? (_, frame) => (handler as (frame: ServerFrame) => void)(frame) : (handler as Handler);
    const handlers = this.handlers.get(type) ?? new Map<Handler, boolean>();
    this.handlers.set(type, handlers.set(registered, options.replay ?? false));
    return () => void handlers.delete(registered);
  }

  /** Calls the handler whenever the status changes. Returns what ends it. */
  onStatus(handler: (status: Status) => void): () => void {
    this.statusHandlers.add(handler);
    return () => void this.statusHandlers.delete(handler);
  }

  /** Sends the edits that are held back and closes the connection for good; every promise settles. */
  close(): void {
    if (this.current.state === "closed") return;
    this.edits.flush();
    const socket = this.detach();
    this.finish("It was closed by its user.", this.closedError("It was closed by its user."));
    socket?.close(1000, "The client is done.");
  }

  private open(): void {
    this.become({ state: "connecting" });
    this.refusal = undefined;
    let socket: WebSocketLike;
    try {
      socket = new this.settings.WebSocket(this.settings.url, ["paige.v1", `bearer.${this.settings.token}`]);
    } catch (error) {
      // The address or the token cannot be used at all, now or later.
      this.finish("The connection cannot be made.", this.closedError("The connection cannot be made.", undefined, error));
      return;
    }
    this.socket = socket;
    const whileCurrent =
      <E>(act: (event: E) => void) =>
      (event: E): void => {
        if (this.socket === socket) act(event);
      };
    socket.onopen = whileCurrent(() => this.sayHello(socket));
    socket.onmessage = whileCurrent(({ data }: { data: unknown }) => this.receive(String(data)));
    socket.onerror = whileCurrent(({ message }: { message?: string }) => this.noteRefusal(message ?? ""));
    socket.onclose = whileCurrent(({ code, reason }: { code: number; reason: string }) => this.lost(code, String(reason)));
    this.timer = setTimeout(() => this.cut("The sidecar did not say hello in time."), this.settings.connectTimeoutMs);
  }

  private sayHello(socket: WebSocketLike): void {
    const { hello, terminal } = this.settings;
    const cursor = this.position && { stream: this.position.stream, lastSeq: this.position.seq };
    const payload: ClientPayloads["connection:hello"] = { ...hello, protocolVersion: PROTOCOL_VERSION, terminal, ...cursor };
    socket.send(JSON.stringify({ type: "connection:hello", payload, timestamp: new Date().toISOString() }));
  }

  /** Only Node's `ws` tells why an upgrade was refused; to browsers every failure looks alike. */
  private noteRefusal(message: string): void {
    const status = /server response: (401|403)\b/.exec(message)?.[1];
    if (status === "401") this.refusal = this.closedError("The sidecar does not know the token (401).", 1008);
    if (status === "403") this.refusal = this.closedError("The sidecar refuses this client's token, host or origin (403).", 1008);
  }

  private receive(text: string): void {
    this.alive = Date.now();
    let frame: ServerFrame;
    try {
      frame = JSON.parse(text) as ServerFrame;
    } catch (error) {
      this.settings.onHandlerError(error);
      return;
    }
    if (frame.replay === true) {
      this.deliver(frame);
      return;
    }
    if (typeof frame.seq === "number") {
      this.receivePush(frame, frame.seq);
      return;
    }
    const request = typeof frame.id === "number" ? this.pending.get(frame.id) : undefined;
    if (request !== undefined && this.answered(frame.id as number, request, frame)) return;
    if (frame.type === "connection:init") this.greeted(frame.payload);
    if (frame.type === "connection:resync_required") this.moveTo(frame.payload.stream, frame.payload.seq);
    if (frame.type === "connection:error" && frame.payload.code === "PROTOCOL_MISMATCH") this.refusal = PaigeError.of(frame);
    if (frame.type === "buffer:update") this.edits.forget(frame.payload.path);
    this.deliver(frame);
  }

  private receivePush(frame: ServerFrame, seq: number): void {
    const cursor = this.position;
    if (cursor !== undefined) {
      if (seq <= cursor.seq) return;
      if (seq > Math.max(cursor.seq, this.replayUntil) + 1) {
        this.cut(`The pushes between ${cursor.seq} and ${seq} did not arrive.`);
        return;
      }
      cursor.seq = seq;
    }
    if (frame.type === "fs:save_ack") this.edits.saved(frame.payload.path);
    this.deliver(frame);
    if (cursor !== undefined && this.position === cursor) this.settings.storage.save({ ...cursor });
  }

  /** Settles a request; false when the frame is only news about it. */
  private answered(id: number, request: Pending, frame: ServerMessage): boolean {
    const what = meaning(request.type, frame);
    if (what === "answer") this.settle(id, ({ resolve }) => resolve(frame.payload as never));
    if (what === "failure") this.settle(id, ({ reject }) => reject(PaigeError.of(frame)));
    return what !== "news";
  }

  private greeted(init: Init): void {
    clearTimeout(this.timer);
    this.failures = 0;
    if (this.position?.stream !== init.stream) this.moveTo(init.stream, init.seq);
    this.replayUntil = init.seq;
    // What waited goes before what the handlers of the new status send.
    this.current = { state: "open", init };
    for (const message of this.waiting.splice(0)) this.transmit(message);
    this.become(this.current);
    this.first?.resolve(init);
  }

  private moveTo(stream: string, seq: number): void {
    this.position = { stream, seq };
    this.replayUntil = seq;
    this.settings.storage.save({ stream, seq });
  }

  private deliver(frame: ServerFrame): void {
    for (const type of [frame.type, "*"]) {
      for (const [handler, wantsReplays] of [...(this.handlers.get(type) ?? [])]) {
        if (frame.replay === true && !wantsReplays) continue;
        this.guard(() => handler(frame.payload as never, frame));
      }
    }
  }

  /** A handler that throws must not keep others from theirs, nor the socket from its work. */
  private guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.settings.onHandlerError(error);
    }
  }

  /** What is held back of a file goes before whatever is done with the file. */
  private flushBefore(type: Sending, payload: object): void {
    if (type === "session:end") this.edits.flush();
    if (type.startsWith("file:") && "path" in payload) this.edits.flush(String(payload.path));
  }

  private transmit(message: Outgoing): void {
    const socket = this.socket;
    if (this.current.state !== "open" || socket === undefined) {
      this.wait(message);
      return;
    }
    const { type, payload, id } = message;
    const request = id === undefined ? undefined : this.pending.get(id);
    if (id !== undefined && request === undefined) return;
    if (request !== undefined) request.written = true;
    if (type === "buffer:update") this.edits.wrote(payload as ClientPayloads["buffer:update"]);
    if (type === "file:save") this.edits.saving((payload as ClientPayloads["file:save"]).path);
    if (type === "file:close") this.edits.forget((payload as ClientPayloads["file:close"]).path);
    socket.send(JSON.stringify({ type, payload, id, timestamp: new Date().toISOString() }));
  }

  /** Of the edits of one file that wait, the newest is enough. */
  private wait(message: Outgoing): void {
    if (message.type === "buffer:update") {
      const { path } = message.payload as ClientPayloads["buffer:update"];
      const older = this.waiting.findIndex(({ type, payload }) => type === "buffer:update" && (payload as { path: string }).path === path);
      if (older >= 0) this.waiting.splice(older, 1);
    }
    this.waiting.push(message);
  }

  private settle(id: number, how: (request: Pending) => void): void {
    const request = this.pending.get(id);
    if (request === undefined) return;
    this.pending.delete(id);
    clearTimeout(request.timer);
    how(request);
  }

  /** Ends this connection in favour of a new one. */
  private cut(reason: string): void {
    const socket = this.socket;
    this.lost(1006, reason);
    socket?.close();
  }

  private lost(code: number, reason: string): void {
    const wasOpen = this.current.state === "open";
    this.detach();
    const final = this.refusal ?? (FINAL_CODES.has(code) ? this.closedError(FINAL_CODES.get(code) ?? reason, code) : undefined);
    if (final !== undefined) {
      this.finish(final.message, final);
      return;
    }
    const { backoffMs, jitter } = this.settings;
    const base = backoffMs[Math.min(this.failures, backoffMs.length - 1)] ?? 0;
    const delayMs = Math.round(base * (1 + jitter * (2 * Math.random() - 1)));
    this.failures += 1;
    this.timer = setTimeout(() => this.open(), delayMs);
    this.become({ state: "waiting", delayMs, code, reason });
    if (wasOpen) this.edits.lost(this.alive);
    this.rejectPending((request) => request.written);
  }

  /** Lets go of the connection; what it still says is not heard. */
  private detach(): WebSocketLike | undefined {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = undefined;
    return socket;
  }

  private finish(reason: string, error: Error): void {
    this.detach();
    this.edits.drop();
    this.waiting.length = 0;
    this.become({ state: "closed", reason });
    this.first?.reject(error);
    // Who never waited for the first hello is told by the status.
    this.first?.promise.catch(() => undefined);
    this.rejectPending(() => true);
  }

  private rejectPending(which: (request: Pending) => boolean): void {
    for (const [id, request] of [...this.pending]) {
      if (which(request)) this.settle(id, ({ type, written, reject }) => reject(new ConnectionLostError(type, written)));
    }
  }

  private become(status: Status): void {
    this.current = status;
    for (const handler of [...this.statusHandlers]) this.guard(() => handler(status));
  }

  private closedError(message: string, code?: number, cause?: unknown): ConnectionClosedError {
    return new ConnectionClosedError(message, code, cause === undefined ? undefined : { cause });
  }
}
