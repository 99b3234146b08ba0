import type { JSX } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { MAX_PROMPT_LENGTH, type Header } from '../../src/core/protocol.ts';
import { useRun } from './context.ts';

/** How far the host's copy of the draft may be behind the keys. */
const DRAFT_DELAY_MS = 250;

/** Rows to begin with where the box cannot grow by itself, and lines before it scrolls. */
const MAX_LINES = 8;

/**
 * Where the user writes. The draft is the host's to keep: it is posted while typing, and the host drops it
 * when it has taken the prompt, so that nothing is lost in between.
 */
export function PromptBox({ header, draft }: { header: Header; draft: string }): JSX.Element {
  const { host, runId } = useRun();
  const [text, setText] = useState(draft);
  const box = useRef<HTMLTextAreaElement>(null);
  const hint = useId();
  const saveDraft = useDraft(text, draft);

  useLayoutEffect(() => {
    const caret = Math.min(host.ui(runId).caret, draft.length);
    box.current?.setSelectionRange(caret, caret);
  }, []);

  const canSend = header.canSend && text.trim() !== '';
  const send = (): void => {
    if (!canSend) return;
    saveDraft(text);
    host.post({ type: 'send', runId, text });
    saveDraft.forget();
    setText('');
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes, Enter takes its suggestion (229 is how older engines say so).
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    send();
  };
  const stopping = header.turn === 'stopping';
  return (
    <div class={`prompt ${header.canSend ? '' : 'prompt-closed'}`}>
      <textarea
        ref={box}
        class="prompt-text"
        rows={Math.min(MAX_LINES, text.split('\n').length)}
        value={text}
        maxLength={MAX_PROMPT_LENGTH}
        placeholder={header.canSend ? placeholder(header) : header.promptHint}
        aria-label="Prompt"
        aria-describedby={header.canSend ? undefined : hint}
        onInput={(event) => setText(event.currentTarget.value)}
        onSelect={(event) => host.keep(runId, { caret: event.currentTarget.selectionStart })}
        onKeyDown={onKeyDown}
      />
      <div class="prompt-buttons">
        {!header.canSend && (
          <span id={hint} class={text === '' ? 'visually-hidden' : 'prompt-hint'}>
            {header.promptHint}
          </span>
        )}
        {header.canTakeOver && (
          <button
            type="button"
            class="button button-primary"
            onClick={() => host.post({ type: 'action', action: 'take-over' })}
          >
            Take Over
          </button>
        )}
        {header.canStop ? (
          <button
            type="button"
            class="button prompt-stop"
            disabled={stopping}
            onClick={() => host.post({ type: 'stop', runId })}
          >
            {stopping ? 'Stopping…' : 'Stop'}
          </button>
        ) : header.canTakeOver ? null : (
          <button type="button" class="button button-primary prompt-send" disabled={!canSend} onClick={send}>
            Send
          </button>
        )}
      </div>
    </div>
  );
}

function placeholder(header: Header): string {
  return header.type === 'review' ? 'Ask about this review…' : 'Ask a follow-up…';
}

interface SaveDraft {
  (text: string): void;
  /** What was saved last has been sent: an empty box is nothing new. */
  forget(): void;
}

/** Posts the draft at most every `DRAFT_DELAY_MS` while it changes, and at once when the panel goes away. */
function useDraft(text: string, initial: string): SaveDraft {
  const { host, runId } = useRun();
  const saved = useRef(initial);
  const latest = useRef(text);
  latest.current = text;

  const save = (draft: string): void => {
    if (draft === saved.current) return;
    saved.current = draft;
    host.post({ type: 'draft', runId, text: draft });
  };
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => {
    // Not put off by further keys, so that the host is never behind for longer than the delay.
    if (text === saved.current || timer.current !== undefined) return;
    timer.current = window.setTimeout(() => {
      timer.current = undefined;
      save(latest.current);
    }, DRAFT_DELAY_MS);
  }, [text]);
  useEffect(() => {
    const onHide = (): void => save(latest.current);
    window.addEventListener('pagehide', onHide);
    return () => {
      window.removeEventListener('pagehide', onHide);
      window.clearTimeout(timer.current);
      onHide();
    };
  }, []);
  return Object.assign(save, {
    forget: () => {
      saved.current = '';
    },
  });
}
