// What the proxy sends, as OpenAI's package names it. Everything below these goes into schema.json.

import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import type { Completion } from "openai/resources/completions";
import type { Model } from "openai/resources/models";
import type { Response, ResponseStreamEvent } from "openai/resources/responses/responses";
import type { ErrorObject } from "openai/resources/shared";

/** The package reads the object in the body's `error` and has no type for the body. */
export interface ErrorResponse {
  error: ErrorObject;
}

/** The package's `Page` has these two and its own methods. */
export interface ModelList {
  object: "list";
  data: Model[];
}

/** What a deletion is answered with; the package throws it away. */
export interface ResponseDeleted {
  id: string;
  object: "response";
  deleted: true;
}

export interface Roots {
  chat: ChatCompletion;
  chunk: ChatCompletionChunk;
  completion: Completion;
  deleted: ResponseDeleted;
  error: ErrorResponse;
  event: ResponseStreamEvent;
  models: ModelList;
  response: Response;
}
