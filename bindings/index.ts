export * from "./messages.js";
export type { Answer, Answers, Asking, ClientType, Sending, ServerType } from "./answers.js";
export { ConnectionClosedError, ConnectionLostError, PaigeError, RequestTimeoutError } from "./errors.js";
export { PaigeSocket } from "./paige-socket.js";
export type {
  Cursor,
  CursorStorage,
  HelloInfo,
  ListenOptions,
  PaigeSocketOptions,
  RequestOptions,
  Status,
  WebSocketConstructor,
  WebSocketLike,
} from "./options.js";
