import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import type { ClientFrame, ClientPayloads, Init, ServerMessage } from "../messages.js";

/** A message as the fake receives it. */
export interface Received {
  type: ClientFrame["type"];
  payload: any;
  id?: number;
}

/** Hands out what arrives in its order, to whoever waits or will wait for it. */
class Inbox<T> {
  private readonly arrived: T[] = [];
  private readonly waiting: ((item: T) => void)[] = [];

  put(item: T): void {
    const waiter = this.waiting.shift();
    if (waiter) waiter(item);
    else this.arrived.push(item);
  }

  next(): Promise<T> {
    const item = this.arrived.shift();
    return item === undefined ? new Promise((resolve) => this.waiting.push(resolve)) : Promise.resolve(item);
  }

  /** What has arrived and was not asked for. */
  get rest(): readonly T[] {
    return this.arrived;
  }
}

/** One connection of a client. */
export class Connection {
  private readonly inbox = new Inbox<Received>();
  readonly closed: Promise<number>;

  constructor(
    private readonly socket: WebSocket,
    readonly protocols: string,
  ) {
    socket.on("message", (data) => this.inbox.put(JSON.parse(String(data)) as Received));
    this.closed = new Promise((resolve) => socket.on("close", resolve));
  }

  next(): Promise<Received> {
    return this.inbox.next();
  }

  get rest(): readonly Received[] {
    return this.inbox.rest;
  }

  send(message: ServerMessage, envelope: { id?: number | undefined; seq?: number; replay?: boolean } = {}): void {
    this.sendText(JSON.stringify({ ...message, ...envelope, timestamp: new Date().toISOString() }));
  }

  sendText(text: string): void {
    this.socket.send(text);
  }

  /** Pushes messages whose text is their number. */
  push(...seqs: number[]): void {
    for (const seq of seqs) {
      const payload = { messageId: `m${seq}`, message: `${seq}`, type: "info", source: "coaching" } as const;
      this.send({ type: "coaching:message", payload }, { seq });
    }
  }

  /** Takes the hello and answers it. */
  async greet(init: Partial<Init> = {}): Promise<ClientPayloads["connection:hello"]> {
    const hello = await this.next();
    if (hello.type !== "connection:hello") throw new Error(`the first message is ${hello.type}`);
    this.send({ type: "connection:init", payload: { ...INIT, ...init } });
    return hello.payload;
  }

  close(code: number, reason = ""): void {
    this.socket.close(code, reason);
  }

  /** As a killed server would: no close frame. */
  terminate(): void {
    this.socket.terminate();
  }
}

export const INIT: Init = {
  sessionId: null,
  projectDir: "/project",
  protocolVersion: "1.0",
  stream: "s1",
  seq: 0,
  clientId: "c1",
  capabilities: { ai: false, memory: false, github: false },
  featureFlags: { observer: false, practice: false, dashboard: false, explain: false },
};

/** A server that says what the test tells it to. */
export class FakeServer {
  private readonly connections = new Inbox<Connection>();

  private constructor(private readonly server: WebSocketServer) {
    server.on("connection", (socket, request) => {
      this.connections.put(new Connection(socket, request.headers["sec-websocket-protocol"] ?? ""));
    });
  }

  static async start(port = 0, refuseWith?: number): Promise<FakeServer> {
    const server = new WebSocketServer({
      port,
      host: "127.0.0.1",
      handleProtocols: () => "paige.v1",
      ...(refuseWith && { verifyClient: (_info: unknown, done: (ok: boolean, code: number) => void) => done(false, refuseWith) }),
    });
    await once(server, "listening");
    return new FakeServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  connection(): Promise<Connection> {
    return this.connections.next();
  }

  /** Connections that nobody asked for. */
  get unexpected(): number {
    return this.connections.rest.length;
  }

  async stop(): Promise<void> {
    for (const client of this.server.clients) client.terminate();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
