/** `PaigeSocket` against a server that says what each test tells it to. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import {
  ConnectionClosedError,
  ConnectionLostError,
  PaigeError,
  PaigeSocket,
  PROTOCOL_VERSION,
  RequestTimeoutError,
  type Cursor,
  type PaigeSocketOptions,
  type ServerFrame,
  type Status,
} from "../index.js";
import { FakeServer, type Connection } from "./fake-server.js";

const LIMIT = { timeout: 20_000 };
const SAVE_ACK = { path: "a", success: true, timestamp: "2026-01-02T03:04:05.678Z", version: "v2" };

const opened: { stop(): unknown }[] = [];
after(() => Promise.all(opened.map((it) => it.stop())));

async function fake(port?: number, refuseWith?: number): Promise<FakeServer> {
  const server = await FakeServer.start(port, refuseWith);
  opened.unshift(server);
  return server;
}

function socketTo(url: string, options: Partial<PaigeSocketOptions> = {}): PaigeSocket {
  const socket = new PaigeSocket({
    url,
    token: "secret",
    hello: { version: "1.2.3", platform: "test", windowSize: { width: 800, height: 600 } },
    WebSocket,
    backoffMs: [1],
    debounceMs: 20,
    ...options,
  });
  opened.unshift({ stop: () => socket.close() });
  return socket;
}

/** A socket with its first connection, greeted. */
async function connected(options: Partial<PaigeSocketOptions> = {}): Promise<[PaigeSocket, Connection, FakeServer]> {
  const server = await fake();
  const socket = socketTo(server.url, options);
  const init = socket.connect();
  const connection = await server.connection();
  await connection.greet();
  await init;
  return [socket, connection, server];
}

/** The texts of the coaching messages that a socket delivers. */
function listen(socket: PaigeSocket): string[] {
  const heard: string[] = [];
  socket.on("coaching:message", ({ message }) => heard.push(message));
  return heard;
}

const edit = (content: string, path = "a") => ({ path, content, cursorPosition: { line: 1, column: 1 } });

/** Waits until the connection is quiet: an answer to a request comes after everything sent before it. */
async function settle(socket: PaigeSocket, connection: Connection): Promise<void> {
  const tree = socket.request("fs:request_tree", {});
  const { id } = await connection.next();
  connection.send({ type: "fs:tree", payload: { root: { name: "p", path: ".", type: "directory" } } }, { id });
  await tree;
}

describe("the handshake", LIMIT, () => {
  test("hello comes first and tells who is there", async () => {
    const server = await fake();
    const socket = socketTo(server.url, { terminal: true });
    const early = socket.request("file:open", { path: "a" });
    early.catch(() => undefined);
    const init = socket.connect();
    assert.equal(socket.connect(), init);
    const connection = await server.connection();
    assert.deepEqual(connection.protocols.split(/, */), ["paige.v1", "bearer.secret"]);
    assert.deepEqual(await connection.greet({ clientId: "c7" }), {
      version: "1.2.3",
      platform: "test",
      windowSize: { width: 800, height: 600 },
      protocolVersion: PROTOCOL_VERSION,
      terminal: true,
    });
    assert.equal((await init).clientId, "c7");
    assert.equal(socket.status.state, "open");
    assert.equal((await connection.next()).type, "file:open");
  });

  test("a connection that was greeted is not given up", async () => {
    const [socket, , server] = await connected({ connectTimeoutMs: 30 });
    await sleep(60);
    assert.equal(socket.status.state, "open");
    assert.equal(server.unexpected, 0);
  });

  test("a kept cursor is told, and kept up to date", async () => {
    const saved: Cursor[] = [];
    const storage = { load: () => ({ stream: "s1", seq: 4 }), save: (cursor: Cursor) => void saved.push(cursor) };
    const server = await fake();
    const socket = socketTo(server.url, { storage });
    const heard = listen(socket);
    void socket.connect();
    const connection = await server.connection();
    const { stream, lastSeq } = await connection.greet({ seq: 6 });
    assert.deepEqual({ stream, lastSeq }, { stream: "s1", lastSeq: 4 });
    connection.push(5, 6);
    await settle(socket, connection);
    assert.deepEqual(heard, ["5", "6"]);
    assert.deepEqual(saved, [{ stream: "s1", seq: 5 }, { stream: "s1", seq: 6 }]);
  });

  test("a server that never says hello is given up for another try", async () => {
    const server = await fake();
    const socket = socketTo(server.url, { connectTimeoutMs: 100 });
    const init = socket.connect();
    const silent = await server.connection();
    assert.equal((await silent.next()).type, "connection:hello");
    await silent.closed;
    // On a slow machine another attempt may be given up before it is greeted.
    const greetAll = async () => {
      for (;;) void (await server.connection()).greet();
    };
    void greetAll();
    assert.equal((await init).stream, "s1");
  });
});

describe("requests", LIMIT, () => {
  test("one that waits outlives attempts that fail", async () => {
    const down = await fake();
    const { port, url } = down;
    await down.stop();
    const socket = socketTo(url);
    const request = socket.request("fs:request_tree", {});
    const failed = new Promise<void>((resolve) => {
      socket.onStatus(({ state }) => void (state === "waiting" && resolve()));
    });
    void socket.connect();
    await failed;
    const connection = await (await fake(port)).connection();
    await connection.greet();
    const { id } = await connection.next();
    connection.send({ type: "fs:tree", payload: { root: { name: "p", path: ".", type: "directory" } } }, { id: id as number });
    assert.equal((await request).root.name, "p");
  });

  test("answers find their request, in any order", async () => {
    const [socket, connection] = await connected();
    const first = socket.request("file:open", { path: "a" });
    const second = socket.request("file:open", { path: "b" });
    const asked = [await connection.next(), await connection.next()];
    const news: string[] = [];
    socket.on("*", (frame) => news.push(frame.type));
    for (const { id, payload } of asked.reverse()) {
      connection.send(
        { type: "fs:content", payload: { path: payload.path, content: "", language: "rust", lineCount: 1, version: "v", dirty: false, isBinary: false } },
        { id: id as number },
      );
    }
    assert.deepEqual([(await first).path, (await second).path], ["a", "b"]);
    assert.deepEqual(news, [], "answers are for who asked");
  });

  test("a save is answered to the asker and pushed to all", async () => {
    const [socket, connection] = await connected();
    const pushes: ServerFrame[] = [];
    socket.on("fs:save_ack", (_, frame) => pushes.push(frame));
    const save = socket.request("file:save", { path: "a", content: "x", baseVersion: "v1" });
    const { id, payload } = await connection.next();
    assert.deepEqual(payload, { path: "a", content: "x", baseVersion: "v1" });
    connection.send({ type: "fs:save_ack", payload: SAVE_ACK }, { id: id as number });
    connection.send({ type: "fs:save_ack", payload: SAVE_ACK }, { seq: 1 });
    assert.deepEqual(await save, SAVE_ACK);
    await settle(socket, connection);
    assert.deepEqual(pushes.map(({ seq }) => seq), [1]);
  });

  test("failures are typed", async () => {
    const [socket, connection] = await connected();
    const save = socket.request("file:save", { path: "a", content: "x" });
    let { id } = await connection.next();
    const conflict = { path: "a", error: "It changed on disk.", code: "CONFLICT", baseVersion: "v1", currentVersion: "v2" } as const;
    connection.send({ type: "fs:save_error", payload: conflict }, { id: id as number });
    await assert.rejects(save, (error: unknown) => {
      assert(error instanceof PaigeError);
      assert.deepEqual([error.code, error.message, error.context], ["CONFLICT", "It changed on disk.", { path: "a" }]);
      assert.deepEqual(error.answer.payload, conflict);
      return true;
    });

    const open = socket.request("file:open", { path: ".." });
    ({ id } = await connection.next());
    const refused = { code: "PATH_REFUSED", message: "It is refused.", context: { path: ".." } } as const;
    connection.send({ type: "connection:error", payload: refused }, { id: id as number });
    await assert.rejects(open, { name: "PaigeError", code: "PATH_REFUSED", message: "It is refused.", context: { path: ".." } });
  });

  test("what else is told about a request is news", async () => {
    const [socket, connection] = await connected();
    const news: string[] = [];
    socket.on("*", (frame) => news.push(frame.type));
    const request = socket.request("dashboard:refresh_issues", {});
    const { id } = await connection.next();
    connection.send({ type: "coaching:progress", payload: { message: "Fetching.", step: 1, of: 2 } }, { id: id as number });
    connection.send({ type: "dashboard:issues", payload: { issues: [] } }, { id: id as number });
    connection.send({ type: "dashboard:challenges_error", payload: { error: "None." } }, { id: id as number });
    assert.deepEqual(await request, { issues: [] });
    await settle(socket, connection);
    assert.deepEqual(news, ["coaching:progress", "dashboard:challenges_error"]);
  });

  test("one without an answer times out", async () => {
    const [socket, connection] = await connected({ requestTimeoutMs: 10 });
    await assert.rejects(socket.request("file:open", { path: "a" }), (error: unknown) => {
      assert(error instanceof RequestTimeoutError);
      assert.deepEqual([error.request, error.mayHaveRun], ["file:open", true]);
      return true;
    });
    await connection.next();
    const patient = socket.request("file:open", { path: "b" }, { timeoutMs: Infinity });
    patient.catch(() => undefined);
    await sleep(30);
    assert.equal((await connection.next()).payload.path, "b");
    socket.close();
    await assert.rejects(patient, ConnectionLostError);
  });

  test("one that times out before there is a connection is never sent", async () => {
    const server = await fake();
    const socket = socketTo(server.url);
    await assert.rejects(socket.request("file:delete", { path: "a" }, { timeoutMs: 5 }), {
      name: "RequestTimeoutError",
      mayHaveRun: false,
    });
    void socket.connect();
    const connection = await server.connection();
    await connection.greet();
    await settle(socket, connection);
    assert.deepEqual(connection.rest, []);
  });

  test("a cut settles those that were sent and keeps the others", async () => {
    const [socket, connection, server] = await connected();
    const sent = socket.request("file:save", { path: "a", content: "x" });
    await connection.next();
    connection.terminate();
    await assert.rejects(sent, { name: "ConnectionLostError", request: "file:save", mayHaveRun: true });
    const waiting = socket.request("file:open", { path: "b" });
    const next = await server.connection();
    await next.greet();
    const { type, id } = await next.next();
    assert.equal(type, "file:open", "the save is not sent again");
    next.send({ type: "connection:error", payload: { code: "FILE_NOT_FOUND", message: "No." } }, { id: id as number });
    await assert.rejects(waiting, PaigeError);
  });
});

describe("the stream of pushes", LIMIT, () => {
  test("it continues after a cut, and nothing comes twice", async () => {
    const [socket, connection, server] = await connected();
    const heard = listen(socket);
    connection.push(1, 2, 3);
    await settle(socket, connection);
    connection.terminate();
    const next = await server.connection();
    const { stream, lastSeq } = await next.greet({ seq: 5 });
    assert.deepEqual({ stream, lastSeq }, { stream: "s1", lastSeq: 3 });
    next.push(2, 3, 4, 5, 5, 6);
    await settle(socket, next);
    assert.deepEqual(heard, ["1", "2", "3", "4", "5", "6"]);
    assert.deepEqual(socket.cursor, { stream: "s1", seq: 6 });
  });

  test("a gap among live pushes is made good by asking again", async () => {
    const [socket, connection, server] = await connected();
    const heard = listen(socket);
    connection.push(1, 3);
    await connection.closed;
    const next = await server.connection();
    assert.equal((await next.greet({ seq: 3 })).lastSeq, 1);
    next.push(2, 3, 4);
    await settle(socket, next);
    assert.deepEqual(heard, ["1", "2", "3", "4"]);
  });

  test("what has expired may be left out of a replay, also at its end", async () => {
    const [socket, connection, server] = await connected();
    const heard = listen(socket);
    connection.push(1);
    await settle(socket, connection);
    connection.terminate();
    const next = await server.connection();
    await next.greet({ seq: 6 });
    next.push(3, 5, 7);
    await settle(socket, next);
    assert.deepEqual(heard, ["1", "3", "5", "7"]);
    assert.equal(server.unexpected, 0);
  });

  test("a new client counts from where it came in", async () => {
    const server = await fake();
    const socket = socketTo(server.url);
    const heard = listen(socket);
    void socket.connect();
    const connection = await server.connection();
    assert.equal((await connection.greet({ seq: 41 })).lastSeq, undefined);
    connection.push(41, 42);
    await settle(socket, connection);
    assert.deepEqual(heard, ["42"]);
  });

  test("a replay goes to who asks for it, and moves no cursor", async () => {
    const [socket, connection] = await connected();
    const heard = listen(socket);
    const both: string[] = [];
    const all: unknown[] = [];
    const end = socket.on("coaching:message", ({ message }, { replay }) => both.push(`${message} ${replay ?? false}`), { replay: true });
    socket.on("*", ({ replay }) => all.push(replay), { replay: true });
    connection.push(1);
    const before = socket.cursor;
    const payload = { messageId: "m9", message: "again", type: "info", source: "coaching" } as const;
    connection.send({ type: "coaching:message", payload }, { replay: true });
    await settle(socket, connection);
    end();
    connection.send({ type: "coaching:message", payload }, { replay: true });
    connection.push(2);
    await settle(socket, connection);
    assert.deepEqual(heard, ["1", "2"]);
    assert.deepEqual(both, ["1 false", "again true"]);
    assert.equal(all.filter((replay) => replay === true).length, 2);
    assert.equal(before?.stream, socket.cursor?.stream);
    assert.equal(socket.cursor?.seq, 2);
  });

  for (const initFirst of [true, false]) {
    test(`a cursor that cannot be resumed is replaced (init ${initFirst ? "first" : "second"})`, async () => {
      const storage = { load: () => ({ stream: "old", seq: 900 }), save: () => undefined };
      const server = await fake();
      const socket = socketTo(server.url, { storage });
      const heard = listen(socket);
      const reasons: string[] = [];
      socket.on("connection:resync_required", ({ reason }) => reasons.push(reason));
      void socket.connect();
      const connection = await server.connection();
      const resync = () =>
        connection.send({ type: "connection:resync_required", payload: { reason: "unknown_stream", stream: "s2", seq: 7 } });
      if (!initFirst) resync();
      assert.equal((await connection.greet({ stream: "s2", seq: 7 })).lastSeq, 900);
      if (initFirst) resync();
      connection.push(7, 8);
      await settle(socket, connection);
      assert.deepEqual([heard, reasons], [["8"], ["unknown_stream"]]);
      assert.deepEqual(socket.cursor, { stream: "s2", seq: 8 });
    });
  }

  test("a cursor of another stream is replaced even when the sidecar does not say so", async () => {
    const storage = { load: () => ({ stream: "old", seq: 900 }), save: () => undefined };
    const server = await fake();
    const socket = socketTo(server.url, { storage });
    void socket.connect();
    const connection = await server.connection();
    await connection.greet({ stream: "s2", seq: 7 });
    await settle(socket, connection);
    assert.deepEqual(socket.cursor, { stream: "s2", seq: 7 });
  });

  test("a cursor ahead of an older database is replaced", async () => {
    const storage = { load: () => ({ stream: "s1", seq: 900 }), save: () => undefined };
    const server = await fake();
    const socket = socketTo(server.url, { storage });
    const heard = listen(socket);
    void socket.connect();
    const connection = await server.connection();
    await connection.greet({ seq: 3 });
    connection.send({ type: "connection:resync_required", payload: { reason: "ahead_of_stream", stream: "s1", seq: 3 } });
    connection.push(4);
    await settle(socket, connection);
    assert.deepEqual(heard, ["4"]);
  });

  test("a handler that throws, and a frame that is no JSON, disturb nobody", async () => {
    const errors: unknown[] = [];
    const [socket, connection] = await connected({ onHandlerError: (error) => errors.push(error) });
    socket.on("coaching:message", () => {
      throw new Error("a fault of the user's");
    });
    const heard = listen(socket);
    connection.sendText("{");
    connection.push(1, 2);
    await settle(socket, connection);
    assert.deepEqual(heard, ["1", "2"]);
    assert.equal(errors.length, 3);
  });

  test("handlers end when asked to", async () => {
    const [socket, connection] = await connected();
    const heard: string[] = [];
    const end = socket.on("coaching:message", ({ message }) => heard.push(message));
    connection.push(1);
    await settle(socket, connection);
    end();
    connection.push(2);
    await settle(socket, connection);
    assert.deepEqual(heard, ["1"]);
  });
});

describe("edits", LIMIT, () => {
  test("only the last of a burst is sent, one for each file", async () => {
    const [socket, connection] = await connected();
    for (const n of [1, 2, 3]) {
      socket.send("buffer:update", edit(`a${n}`));
      socket.send("buffer:update", edit(`b${n}`, "b"));
    }
    const sent = [await connection.next(), await connection.next()];
    assert.deepEqual(sent.map(({ payload }) => payload.content), ["a3", "b3"]);
    await settle(socket, connection);
    assert.deepEqual(connection.rest, []);
  });

  test("typing without a pause is sent all the same", async () => {
    const [socket, connection] = await connected({ debounceMs: 10_000, debounceMaxMs: 40 });
    const arrived = connection.next();
    let done = false;
    void arrived.then(() => (done = true));
    for (let n = 0; !done; n++) {
      assert(n < 2_000, "the edit still waits for a pause");
      socket.send("buffer:update", edit(`${n}`));
      await sleep(2);
    }
    assert.equal((await arrived).type, "buffer:update");
  });

  test("an edit goes before whatever is done with its file, and only its file", async () => {
    const [socket, connection] = await connected({ debounceMs: 10_000, debounceMaxMs: 10_000 });
    socket.send("buffer:update", edit("text"));
    socket.send("buffer:update", edit("other", "b"));
    socket.request("file:save", { path: "a", content: "text" }).catch(() => undefined);
    assert.deepEqual([(await connection.next()).type, (await connection.next()).type], ["buffer:update", "file:save"]);
    assert.deepEqual(connection.rest, []);
    socket.flush();
    assert.deepEqual((await connection.next()).payload, edit("other", "b"));
  });

  test("closing sends what is held back", async () => {
    const [socket, connection] = await connected({ debounceMs: 10_000 });
    socket.send("buffer:update", edit("last words"));
    socket.close();
    assert.equal((await connection.next()).payload.content, "last words");
    assert.equal(await connection.closed, 1000);
  });

  test("what a cut may have swallowed is sent again, the newest text only", async () => {
    const [socket, connection, server] = await connected();
    socket.send("buffer:update", edit("first"));
    socket.flush();
    socket.send("buffer:update", edit("kept", "b"));
    socket.flush();
    await settle2(connection, 2);
    connection.terminate();
    const next = await server.connection();
    socket.send("buffer:update", edit("second"));
    socket.flush();
    await next.greet();
    const again = [await next.next(), await next.next()].map(({ payload }) => payload.content);
    assert.deepEqual(again.sort(), ["kept", "second"]);
    await settle(socket, next);
    assert.deepEqual(next.rest, []);
  });

  test("a saved, closed or overwritten text is not sent again", async () => {
    const [socket, connection, server] = await connected();
    for (const path of ["a", "b", "c", "d"]) socket.send("buffer:update", edit("text", path));
    socket.flush();
    await settle2(connection, 4);
    socket.request("file:save", { path: "a", content: "text" }).catch(() => undefined);
    socket.send("file:close", { path: "b" });
    await settle2(connection, 2);
    connection.send({ type: "fs:save_ack", payload: SAVE_ACK }, { seq: 1 });
    connection.send({ type: "buffer:update", payload: { ...edit("theirs", "c"), clientId: "c2" } });
    await settle(socket, connection);
    connection.terminate();
    const next = await server.connection();
    await next.greet({ seq: 1 });
    await settle2(next, 1, ["d"]);
    await settle(socket, next);
    assert.deepEqual(next.rest, []);
  });

  test("a text that was backed up long ago is not sent again", async (t) => {
    const [socket, connection, server] = await connected();
    socket.send("buffer:update", edit("old"));
    socket.flush();
    await connection.next();
    const now = Date.now();
    t.mock.method(Date, "now", () => now + 10_000);
    await settle(socket, connection);
    connection.terminate();
    const next = await server.connection();
    await next.greet();
    await settle(socket, next);
    assert.deepEqual(next.rest, []);
  });

  test("an edit after a save is not taken for saved", async () => {
    const [socket, connection, server] = await connected();
    socket.send("buffer:update", edit("saved"));
    socket.request("file:save", { path: "a", content: "saved" }).catch(() => undefined);
    socket.send("buffer:update", edit("later"));
    socket.flush();
    await settle2(connection, 3);
    connection.send({ type: "fs:save_ack", payload: SAVE_ACK }, { seq: 1 });
    await settle(socket, connection);
    connection.terminate();
    const next = await server.connection();
    await next.greet({ seq: 1 });
    assert.equal((await next.next()).payload.content, "later");
  });

  /** Takes some messages, and checks which files they are about. */
  async function settle2(connection: Connection, count: number, paths?: string[]): Promise<void> {
    const taken = [];
    for (let n = 0; n < count; n++) taken.push((await connection.next()).payload.path);
    if (paths) assert.deepEqual(taken, paths);
  }
});

describe("connecting again", LIMIT, () => {
  test("the waits grow to the longest, and begin anew after a hello", async () => {
    const down = await fake();
    const { port } = down;
    await down.stop();
    const socket = socketTo(`ws://127.0.0.1:${port}/ws`, { backoffMs: [1, 2, 4], jitter: 0 });
    const waits: number[] = [];
    const fourWaits = new Promise<void>((resolve) => {
      socket.onStatus((status) => {
        if (status.state === "waiting" && waits.push(status.delayMs) === 4) resolve();
      });
    });
    const init = socket.connect();
    await fourWaits;
    const up = await fake(port);
    const connection = await up.connection();
    await connection.greet();
    await init;
    assert.deepEqual(waits.slice(0, 4), [1, 2, 4, 4]);
    const before = waits.length;
    connection.terminate();
    await (await up.connection()).greet();
    assert.equal(waits[before], 1);
  });

  test("jitter keeps clients from coming back in step, within its bounds", async () => {
    const down = await fake();
    const { url } = down;
    await down.stop();
    const waits = new Set<number>();
    const socket = socketTo(url, { backoffMs: [20], jitter: 0.5 });
    const enough = new Promise<void>((resolve) => {
      socket.onStatus((status) => {
        if (status.state === "waiting" && waits.add(status.delayMs).size === 3) resolve();
      });
    });
    socket.connect().catch(() => undefined);
    await enough;
    for (const wait of waits) assert(wait >= 10 && wait <= 30, `${wait}`);
  });

  for (const code of [1001, 1011, 4408, 4409, 4429]) {
    test(`it comes back after the close code ${code}`, async () => {
      const [socket, connection, server] = await connected();
      connection.close(code, "The reason.");
      await (await server.connection()).greet();
      assert.notEqual(socket.status.state, "closed");
    });
  }

  for (const code of [1008, 4400]) {
    test(`it stays away after the close code ${code}`, async () => {
      const [socket, connection, server] = await connected();
      const statuses = watch(socket);
      const request = socket.request("file:open", { path: "a" });
      connection.close(code);
      await assert.rejects(request, ConnectionLostError);
      assert.deepEqual(statuses.map(({ state }) => state), ["closed"]);
      await assert.rejects(socket.connect(), ConnectionClosedError);
      await sleep(20);
      assert.equal(server.unexpected, 0);
    });
  }

  test("a version mismatch is told by connect", async () => {
    const server = await fake();
    const socket = socketTo(server.url);
    const init = socket.connect();
    const connection = await server.connection();
    await connection.next();
    const context = { expected: "2.0", actual: PROTOCOL_VERSION };
    connection.send({ type: "connection:error", payload: { code: "PROTOCOL_MISMATCH", message: "Update.", context } });
    connection.close(4400);
    await assert.rejects(init, { name: "PaigeError", code: "PROTOCOL_MISMATCH", context });
    assert.deepEqual(socket.status, { state: "closed", reason: "Update." });
  });

  for (const status of [401, 403]) {
    test(`a refused upgrade (${status}) is not tried again`, async () => {
      const server = await fake(0, status);
      const socket = socketTo(server.url);
      const waiting = socket.request("file:open", { path: "a" });
      const failed = assert.rejects(waiting, { name: "ConnectionLostError", mayHaveRun: false });
      await assert.rejects(socket.connect(), new RegExp(`\\(${status}\\)`));
      await failed;
      assert.equal(socket.status.state, "closed");
    });
  }

  test("an address that cannot be used is told by connect", async () => {
    await assert.rejects(socketTo("not an address").connect(), ConnectionClosedError);
  });

  test("closing settles everything, whatever the connection does", async () => {
    const [socket, connection, server] = await connected();
    const sent = socket.request("file:open", { path: "a" });
    await connection.next();
    socket.close();
    socket.close();
    await assert.rejects(sent, { name: "ConnectionLostError", mayHaveRun: true });
    await assert.rejects(socket.request("file:open", { path: "a" }), { name: "ConnectionLostError", mayHaveRun: false });
    socket.send("hints:viewed", { hintId: 1 });
    assert.equal(await connection.closed, 1000);

    const early = socketTo(server.url);
    const init = early.connect();
    const waiting = early.request("file:open", { path: "a" });
    early.close();
    await assert.rejects(init, ConnectionClosedError);
    await assert.rejects(waiting, { name: "ConnectionLostError", mayHaveRun: false });
  });

  test("options that cannot work are refused", () => {
    assert.throws(() => socketTo("ws://127.0.0.1:1/ws", { backoffMs: [] }), RangeError);
  });

  function watch(socket: PaigeSocket): Status[] {
    const statuses: Status[] = [];
    socket.onStatus((status) => statuses.push(status));
    return statuses;
  }
});

/** What the compiler must refuse; it is never called. */
export function typed(socket: PaigeSocket): void {
  void socket.request("file:open", { path: "a" }).then(({ content }) => content.length);
  // @ts-expect-error: the payload lacks its path
  void socket.request("file:open", {});
  // @ts-expect-error: the answer has no such field
  void socket.request("file:open", { path: "a" }).then(({ success }) => success);
  // @ts-expect-error: this message is not answered
  void socket.request("hints:viewed", { hintId: 1 });
  // @ts-expect-error: the socket says hello by itself
  socket.send("connection:hello", { version: "", platform: "", windowSize: { width: 0, height: 0 } });
  // @ts-expect-error: there is no such message
  socket.on("fs:contents", () => undefined);
  // @ts-expect-error: this message has no such field
  socket.on("hints:level", ({ path }) => path);
}
