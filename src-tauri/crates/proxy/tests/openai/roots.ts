// The types of OpenAI's package that the proxy sends. They and everything they refer to go into schema.json.

import type { ChatCompletion, ChatCompletionChunk } from "openai/resources/chat/completions";
import type { Completion } from "openai/resources/completions";
import type { Model } from "openai/resources/models";
import type { Response, ResponseStreamEvent } from "openai/resources/responses/responses";
import type { ErrorObject } from "openai/resources/shared";

/** The package has no type for the body around `error`. */
export interface ErrorResponse {
  error: ErrorObject;
}

/** The package's `Page` has these fields and additional methods. */
export interface ModelList {
  object: "list";
  data: Model[];
}

/** The response to a deletion, for which the package has no type. */
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
