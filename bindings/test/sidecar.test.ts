/** `PaigeSocket` against the built sidecar: whatever is cut or killed, nothing is missed or doubled. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ConnectionClosedError, ConnectionLostError, type Answer, type Cursor, type PaigeSocket } from "../index.js";
import { Proxy, Sidecar } from "./sidecar-process.js";

const LIMIT = { timeout: 120_000 };

const started: { stop(): unknown }[] = [];
after(() => Promise.all(started.map((it) => it.stop())));

async function sidecar(): Promise<Sidecar> {
  const it = await Sidecar.start();
  started.unshift(it);
  return it;
}

async function proxyBefore(it: Sidecar): Promise<Proxy> {
  const proxy = await Proxy.before(it);
  started.unshift(proxy);
  return proxy;
}

/** Every push that a socket delivers, in order: its number and the file that was saved. */
function listen(socket: PaigeSocket): { seq: number; path: string }[] {
  const pushes: { seq: number; path: string }[] = [];
  socket.on("*", (frame) => {
    if (typeof frame.seq !== "number") return;
    pushes.push({ seq: frame.seq, path: frame.type === "fs:save_ack" ? frame.payload.path : frame.type });
  });
  return pushes;
}

/** A new file; the answer is durable, and a push to all. */
function save(socket: PaigeSocket, name: string): Promise<Answer<"file:save">> {
  return socket.request("file:save", { path: name, content: `${name}\n`, baseVersion: null });
}

/** Runs `count` jobs, at most `width` at a time, and says how each settled. */
async function many<T>(count: number, width: number, job: (n: number) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  const results: PromiseSettledResult<T>[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const n = next++;
      results[n] = (await Promise.allSettled([job(n)]))[0] as PromiseSettledResult<T>;
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

async function until(what: string, condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 10) {
    assert(waited < 30_000, `it did not come true that ${what}`);
    await sleep(10);
  }
}

/** The numbers follow on each other from `first`, without a gap and without a double. */
function assertWhole(pushes: readonly { seq: number }[], first: number): void {
  assert.deepEqual(pushes.map(({ seq }) => seq), pushes.map((_, n) => first + n));
}

describe("PaigeSocket and the sidecar", LIMIT, () => {
  test("a connection that is cut again and again in the midst of 1,000 pushes", async () => {
    const it = await sidecar();
    const proxy = await proxyBefore(it);
    const writer = await it.socket();
    await writer.connect();
    const reader = await it.socket({ port: proxy.port });
    const pushes = listen(reader);
    const { seq } = await reader.connect();
    let cuts = 0;
    reader.on("fs:save_ack", () => {
      if (pushes.length < 100 * (cuts + 1) || cuts === 8) return;
      cuts += 1;
      proxy.cut();
    });
    const results = await many(1_000, 16, (n) => save(writer, `file-${n}.txt`));
    assert.deepEqual(results.filter(({ status }) => status === "rejected"), []);
    await until("all pushes arrive", () => pushes.length >= 1_000);
    assertWhole(pushes, seq + 1);
    assert.equal(new Set(pushes.map(({ path }) => path)).size, 1_000);
    assert.equal(pushes.length, 1_000);
    assert.equal(cuts, 8);
    assert.equal(proxy.accepted, 9);
  });

  test("a sidecar that is killed in the midst of pushes and started again", async () => {
    const it = await sidecar();
    const writer = await it.socket();
    await writer.connect();
    const reader = await it.socket();
    const pushes = listen(reader);
    const { seq } = await reader.connect();
    let restarted: Promise<void> | undefined;
    reader.on("fs:save_ack", () => {
      if (pushes.length === 200) restarted = it.kill().then(() => it.run());
    });
    const names = (n: number) => `file-${n}.txt`;
    const results = await many(500, 16, (n) => save(writer, names(n)));
    await restarted;
    const marker = await save(writer, "last.txt");
    assert.equal(marker.path, "last.txt");
    await until("the last push arrives", () => pushes.at(-1)?.path === "last.txt");

    assertWhole(pushes, seq + 1);
    const pushed = new Set(pushes.map(({ path }) => path));
    assert.equal(pushed.size, pushes.length, "no save is pushed twice");
    let lost = 0;
    for (const [n, result] of results.entries()) {
      if (result.status === "fulfilled") {
        assert(pushed.has(names(n)), `${names(n)} was acknowledged, but its push is missing`);
      } else {
        assert(result.reason instanceof ConnectionLostError, String(result.reason));
        lost += 1;
      }
    }
    assert(restarted !== undefined && lost > 0, "the kill hit requests that were under way");
    assert(lost <= 16, `only what was under way is lost, not ${lost}`);
  });

  test("a request that is outstanding at the cut settles, and its push comes once", async () => {
    const it = await sidecar();
    const proxy = await proxyBefore(it);
    const witness = await it.socket();
    const seen = listen(witness);
    await witness.connect();
    const socket = await it.socket({ port: proxy.port });
    const pushes = listen(socket);
    await socket.connect();
    proxy.hold();
    const outstanding = save(socket, "once.txt");
    const settled = assert.rejects(outstanding, { name: "ConnectionLostError", mayHaveRun: true });
    await until("the save is carried out", () => seen.length === 1);
    proxy.cut();
    await settled;
    await until("the push is replayed", () => pushes.length > 0);
    await save(socket, "next.txt");
    await until("the next push arrives at both", () => pushes.length >= 2 && seen.length >= 2);
    assert.deepEqual(pushes.map(({ path }) => path), ["once.txt", "next.txt"]);
    assert.deepEqual(pushes, seen);
    assert.equal(await readFile(join(it.project, "once.txt"), "utf8"), "once.txt\n");
  });

  for (const [reason, cursorOf] of [
    ["unknown_stream", () => ({ stream: "another", seq: 1 })],
    ["ahead_of_stream", (cursor: Cursor) => ({ ...cursor, seq: cursor.seq + 1_000 })],
  ] as const) {
    test(`a cursor that cannot be resumed (${reason})`, async () => {
      const it = await sidecar();
      const writer = await it.socket();
      await writer.connect();
      await save(writer, "before.txt");
      await until("the writer has seen its push", () => writer.cursor?.seq !== 0);
      const here = writer.cursor as Cursor;
      const kept: Cursor[] = [];
      const storage = { load: () => cursorOf(here), save: (cursor: Cursor) => void kept.push(cursor) };
      const socket = await it.socket({ storage });
      const order: string[] = [];
      socket.on("*", (frame) => order.push(frame.type));
      const resync = new Promise((resolve) => socket.on("connection:resync_required", resolve));
      const pushes = listen(socket);
      await socket.connect();
      assert.deepEqual(await resync, { reason, ...here });
      await save(writer, "after.txt");
      await until("the push arrives", () => pushes.length > 0);
      assert.deepEqual(pushes, [{ seq: here.seq + 1, path: "after.txt" }]);
      assert.deepEqual(kept.at(-1), { ...here, seq: here.seq + 1 });
      assert(order.indexOf("fs:tree") > order.indexOf("connection:resync_required"), `a snapshot follows: ${order}`);
    });
  }

  test("an edit outlives a kill that follows at once", async () => {
    const it = await sidecar();
    const socket = await it.socket();
    await socket.connect();
    await save(socket, "a.txt");
    const { content } = await socket.request("file:open", { path: "a.txt" });
    socket.send("buffer:update", { path: "a.txt", content: `${content}unsaved\n`, cursorPosition: { line: 2, column: 8 } });
    socket.flush();
    await it.kill();
    await it.run();
    const other = await it.socket();
    await other.connect();
    await until("the first socket is back", () => socket.status.state === "open");
    // The answer to a later request of the same socket comes after the edit was taken.
    await socket.request("fs:request_tree", {});
    const open = await other.request("file:open", { path: "a.txt" });
    assert.deepEqual([open.content, open.dirty], ["a.txt\nunsaved\n", true]);
  });

  test("an unknown token is refused for good", async () => {
    const it = await sidecar();
    const socket = await it.socket({ token: "wrong" });
    await assert.rejects(socket.connect(), ConnectionClosedError);
    assert.equal(socket.status.state, "closed");
  });
});
