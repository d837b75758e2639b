// The types of OpenAI's package that the proxy sends. They and everything they refer to go into schema.json.

import type { ChatCompletion, ChatCompletionChunk, ChatCompletionDeleted, ChatCompletionStoreMessage } from "openai/resources/chat/completions";
import type { Completion } from "openai/resources/completions";
import type { Conversation, ConversationDeletedResource } from "openai/resources/conversations/conversations";
import type { ConversationItem, ConversationItemList } from "openai/resources/conversations/items";
import type { ImageEditStreamEvent, ImageGenStreamEvent, ImagesResponse } from "openai/resources/images";
import type { Model } from "openai/resources/models";
import type { ResponseItemList } from "openai/resources/responses/input-items";
import type { InputTokenCountResponse } from "openai/resources/responses/input-tokens";
import type { CompactedResponse, Response, ResponsesServerEvent, ResponseStreamEvent } from "openai/resources/responses/responses";
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

/** The package's `CursorPage` reads two of these fields; OpenAI's documentation shows all. */
interface Page<Item> {
  object: "list";
  data: Item[];
  first_id: string;
  last_id: string;
  has_more: boolean;
}

/** A page of stored chats. */
export interface ChatCompletionList extends Page<ChatCompletion> {}

/** A page of a stored chat's messages. */
export interface ChatCompletionMessageList extends Page<ChatCompletionStoreMessage> {}

export interface Roots {
  chat: ChatCompletion;
  chatDeleted: ChatCompletionDeleted;
  chatMessages: ChatCompletionMessageList;
  chats: ChatCompletionList;
  chunk: ChatCompletionChunk;
  compacted: CompactedResponse;
  completion: Completion;
  conversation: Conversation;
  conversationDeleted: ConversationDeletedResource;
  conversationItem: ConversationItem;
  conversationItems: ConversationItemList;
  deleted: ResponseDeleted;
  error: ErrorResponse;
  event: ResponseStreamEvent;
  imageEdited: ImageEditStreamEvent;
  imageGenerated: ImageGenStreamEvent;
  images: ImagesResponse;
  inputItems: ResponseItemList;
  inputTokens: InputTokenCountResponse;
  models: ModelList;
  response: Response;
  webSocketEvent: ResponsesServerEvent;
}
