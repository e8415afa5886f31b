import type { ClientPayloads, ServerMessage, ServerPayloads } from "./messages.js";

/** The type of a message of a client. */
export type ClientType = keyof ClientPayloads;

/** The type of a message of the sidecar. */
export type ServerType = keyof ServerPayloads;

/** The messages that a user of the socket sends; it says hello by itself. */
export type Sending = Exclude<ClientType, "connection:hello">;

/** Which message answers which request. What is not here is not answered, and is sent by `send`. */
export interface Answers {
  "fs:request_tree": "fs:tree";
  "file:open": "fs:content";
  "file:delete": "fs:tree_update";
  "file:create": "fs:tree_update";
  "file:rename": "fs:tree_update";
  "file:save": "fs:save_ack";
  "hints:level_change": "hints:level";
  "user:explain": "explain:response";
  "observer:mute": "observer:status";
  "session:start": "session:started";
  "session:end": "session:completed";
  "session:summary": "session:summary";
  "practice:submit_solution": "practice:solution_review";
  "practice:run": "practice:run_result";
  "practice:request_hint": "practice:hint";
  "practice:view_previous_attempts": "practice:previous_attempts";
  "challenge:load": "challenge:loaded";
  "dashboard:request": "dashboard:state";
  "dashboard:refresh_issues": "dashboard:issues";
  "materials:list": "materials:list_result";
  "materials:view": "materials:updated";
  "materials:dismiss": "materials:updated";
  "materials:complete": "materials:complete_result";
}

/** A message that is answered. */
export type Asking = keyof Answers & Sending;

/** The payload of the answer to a request. */
export type Answer<T extends Asking> = ServerPayloads[Answers[T]];

/** The same at run time: the type of the answer, and of the message that says that there is none. */
export const ANSWERS: { readonly [T in Asking]: readonly [Answers[T], ServerType?] } = {
  "fs:request_tree": ["fs:tree"],
  "file:open": ["fs:content"],
  "file:delete": ["fs:tree_update"],
  "file:create": ["fs:tree_update"],
  "file:rename": ["fs:tree_update"],
  "file:save": ["fs:save_ack", "fs:save_error"],
  "hints:level_change": ["hints:level"],
  "user:explain": ["explain:response", "explain:error"],
  "observer:mute": ["observer:status"],
  "session:start": ["session:started"],
  "session:end": ["session:completed"],
  "session:summary": ["session:summary"],
  "practice:submit_solution": ["practice:solution_review", "review:error"],
  "practice:run": ["practice:run_result", "review:error"],
  "practice:request_hint": ["practice:hint", "review:error"],
  "practice:view_previous_attempts": ["practice:previous_attempts", "review:error"],
  "challenge:load": ["challenge:loaded", "challenge:load_error"],
  "dashboard:request": ["dashboard:state"],
  "dashboard:refresh_issues": ["dashboard:issues", "dashboard:issues_error"],
  "materials:list": ["materials:list_result"],
  "materials:view": ["materials:updated"],
  "materials:dismiss": ["materials:updated"],
  "materials:complete": ["materials:complete_result"],
};

/** What a direct answer means to a request. */
export function meaning(asked: Asking, answer: ServerMessage): "answer" | "failure" | "news" {
  const [answerType, failureType] = ANSWERS[asked];
  if (answer.type === answerType) return "answer";
  if (answer.type === "connection:error" || answer.type === failureType) return "failure";
  return "news";
}
