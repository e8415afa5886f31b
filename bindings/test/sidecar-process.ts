import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, mkdir, open, readFile, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { PaigeSocket, type PaigeSocketOptions } from "../index.js";

/** The built sidecar on an empty project of its own. */
export class Sidecar {
  private process: ChildProcess | undefined;
  private readonly sockets: PaigeSocket[] = [];
  port = 0;

  private constructor(private readonly folder: string) {}

  static async start(): Promise<Sidecar> {
    const sidecar = new Sidecar(await mkdtemp(join(tmpdir(), "paige-bindings-")));
    await mkdir(sidecar.project);
    await sidecar.run();
    return sidecar;
  }

  get project(): string {
    return join(this.folder, "project");
  }

  private get data(): string {
    return join(this.folder, "data");
  }

  /** Starts it, again on its last port, and waits for the ready line. */
  async run(): Promise<void> {
    const binary = process.env["PAIGE_SIDECAR"];
    if (!binary) throw new Error("PAIGE_SIDECAR must name the built sidecar; `cargo xtask test --only socket` does.");
    const log = await open(join(this.folder, "stderr.log"), "a");
    const args = ["--offline", "--project-dir", this.project, "--data-dir", this.data, "--port", String(this.port)];
    const child = spawn(binary, args, {
      stdio: ["ignore", "pipe", log.fd],
      env: { PATH: process.env["PATH"] ?? "", HOME: this.folder },
    });
    await log.close();
    this.process = child;
    const ended = once(child, "exit").then(async ([code]) => {
      throw new Error(`The sidecar ended with ${code}:\n${await readFile(join(this.folder, "stderr.log"), "utf8")}`);
    });
    ended.catch(() => undefined);
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const [line] = (await Promise.race([once(lines, "line"), ended])) as [string];
    const ready = JSON.parse(line) as { event: string; port: number };
    if (ready.event !== "ready") throw new Error(`The sidecar says ${line}`);
    this.port = ready.port;
  }

  /** Ends it as the kernel would: nothing can be flushed. */
  async kill(): Promise<void> {
    const child = this.process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  /** A socket to it, or to what stands before it on another port. */
  async socket(options: Partial<PaigeSocketOptions> & { port?: number } = {}): Promise<PaigeSocket> {
    const { port = this.port, ...rest } = options;
    const host = `127.0.0.1:${this.port}`;
    // The guard compares the name that the client asks for with its own port.
    class Named extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, { headers: { host } });
      }
    }
    const socket = new PaigeSocket({
      url: `ws://127.0.0.1:${port}/ws`,
      token: (await readFile(join(this.data, "ui.token"), "utf8")).trim(),
      hello: { version: "0.0.0", platform: "node", windowSize: { width: 800, height: 600 } },
      WebSocket: Named,
      backoffMs: [20, 50, 100],
      debounceMs: 20,
      ...rest,
    });
    this.sockets.push(socket);
    return socket;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.close();
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Stands between a client and the sidecar, and cuts or holds what flows. */
export class Proxy {
  private readonly pairs = new Set<[client: Socket, server: Socket]>();
  private holding = false;
  /** Connections that were let through. */
  accepted = 0;

  private constructor(private readonly server: Server) {}

  static async before(sidecar: Sidecar): Promise<Proxy> {
    const server = createServer();
    const proxy = new Proxy(server);
    server.on("connection", (client) => proxy.accept(client, sidecar.port));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  private accept(client: Socket, port: number): void {
    this.accepted += 1;
    const server = connect(port, "127.0.0.1");
    const pair: [Socket, Socket] = [client, server];
    this.pairs.add(pair);
    client.pipe(server);
    server.on("data", (data) => void (this.holding || client.write(data)));
    for (const end of pair) {
      end.on("error", () => undefined);
      end.on("close", () => this.end(pair));
    }
  }

  private end(pair: [Socket, Socket]): void {
    this.pairs.delete(pair);
    for (const end of pair) end.destroy();
  }

  /** From now on nothing the sidecar says arrives. */
  hold(): void {
    this.holding = true;
  }

  /** Cuts every connection; what was held back is lost. */
  cut(): void {
    for (const pair of [...this.pairs]) this.end(pair);
    this.holding = false;
  }

  stop(): void {
    this.cut();
    this.server.close();
  }
}
