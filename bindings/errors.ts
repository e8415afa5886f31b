import type { Asking } from "./answers.js";
import type { ErrorCode, ErrorContext, ServerMessage } from "./messages.js";

/** The sidecar says that a request failed. */
export class PaigeError extends Error {
  override readonly name = "PaigeError";

  constructor(
    /** For people. */
    message: string,
    /** For programs; the messages of some families have none. */
    readonly code: ErrorCode | undefined,
    /** What it was about. */
    readonly context: ErrorContext,
    /** The whole answer, for instance with both versions of a conflict. */
    readonly answer: ServerMessage,
  ) {
    super(message);
  }

  /** Reads any message that says that something failed. */
  static of(answer: ServerMessage): PaigeError {
    if (answer.type === "connection:error") {
      const { message, code, context } = answer.payload;
      return new PaigeError(message, code, context ?? {}, answer);
    }
    const payload = answer.payload as { error?: string; code?: ErrorCode; path?: string };
    const context = payload.path === undefined ? {} : { path: payload.path };
    return new PaigeError(payload.error ?? `The answer is ${answer.type}.`, payload.code, context, answer);
  }
}

/** The connection ended before a request was answered. */
export class ConnectionLostError extends Error {
  override readonly name = "ConnectionLostError";

  constructor(
    /** The type of the request. */
    readonly request: Asking,
    /** Whether it was sent, so that it may have been carried out; look before asking again. */
    readonly mayHaveRun: boolean,
  ) {
    super(
      mayHaveRun
        ? `The connection ended before ${request} was answered; it may have been carried out.`
        : `The connection ended before ${request} was sent; it was not carried out.`,
    );
  }
}

/** A request was not answered in time. */
export class RequestTimeoutError extends Error {
  override readonly name = "RequestTimeoutError";

  constructor(
    /** The type of the request. */
    readonly request: Asking,
    /** Whether it was sent, so that it may have been, or may still be, carried out. */
    readonly mayHaveRun: boolean,
    timeoutMs: number,
  ) {
    super(`${request} was not answered within ${timeoutMs} ms.`);
  }
}

/** The socket is closed for good, and why. */
export class ConnectionClosedError extends Error {
  override readonly name = "ConnectionClosedError";

  constructor(
    message: string,
    /** The close code of the sidecar, when it closed the connection. */
    readonly code: number | undefined = undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
