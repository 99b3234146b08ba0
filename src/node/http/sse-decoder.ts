import { StringDecoder } from 'node:string_decoder';
import { createParser } from 'eventsource-parser';

/**
 * Characters of one unfinished event. opencode 1.18.33 sends text of 4 MB in one event and the diff of a large
 * change in another; sixteen times that is no event but a server that went wrong, and the stream is given up.
 */
export const MAX_EVENT_CHARS = 64 * 1024 * 1024;

export interface SseDecoder {
  /**
   * Takes bytes as they came and returns the data of all events that they complete, in order.
   * @throws Error once an event grows beyond `MAX_EVENT_CHARS`; the decoder is unusable then.
   */
  push(bytes: Uint8Array): string[];
}

/**
 * Bytes of a `text/event-stream`, split anywhere, to the data of its events. Names, ids and retry times are
 * dropped: no engine sends them (opencode 1.18.33 has only `data:` lines and comments).
 */
export function createSseDecoder(): SseDecoder {
  // Native and stateful: a character split over two reads comes out whole with the second.
  const utf8 = new StringDecoder('utf8');
  let first = true;
  let done: string[] = [];
  let overflow: Error | undefined;
  const parser = createParser({
    maxBufferSize: MAX_EVENT_CHARS,
    onEvent: (event) => done.push(event.data),
    onError: (error) => {
      // Unknown fields and bad retry times are to be ignored by the standard.
      if (error.type === 'max-buffer-size-exceeded') overflow = error;
    },
  });

  return {
    push(bytes) {
      let text = utf8.write(bytes as Buffer);
      if (first && text !== '') {
        first = false;
        if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
      }
      parser.feed(text);
      if (overflow !== undefined) throw overflow;
      const events = done;
      done = [];
      return events;
    },
  };
}
