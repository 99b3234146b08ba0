import type { JSX, RefObject } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { inFront, MAX_PROMPT_LENGTH, type Header } from '../../src/core/protocol.ts';
import { DraftSaver, type SetTimer } from '../draft.ts';
import type { Inserted } from '../store.ts';
import { useRun } from './context.ts';

/** Rows to begin with where the box cannot grow by itself, and lines before it scrolls. */
const MAX_LINES = 8;

interface PromptBoxProps {
  header: Header;
  /** What the box begins with. */
  draft: string;
  /** What the host last put into the box. */
  inserted: Inserted | undefined;
}

/**
 * Where the user writes. The draft is the host's to keep: it is posted while typing, and the host drops it
 * when it has taken the prompt, so that nothing is lost in between.
 */
export function PromptBox({ header, draft, inserted }: PromptBoxProps): JSX.Element {
  const { host, runId } = useRun();
  const [text, setText] = useState(draft);
  const box = useRef<HTMLTextAreaElement>(null);
  const hint = useId();
  const saver = useDraft(text, draft);
  // Once the run is this window's, so is what was typed for it.
  useEffect(() => {
    if (!header.canTakeOver) saver.moved();
  }, [header.canTakeOver]);
  useInserted(inserted, box, (more) => setText((typed) => inFront(more, typed)));

  const how = header.canSend ? 'send' : header.canQueue ? 'queue' : undefined;
  const isReady = how !== undefined && text.trim() !== '';
  const submit = (): void => {
    // Enter may come before the last key is drawn.
    const typed = box.current?.value ?? text;
    if (how === undefined || typed.trim() === '') return;
    saver.type(typed);
    saver.flush();
    host.post({ type: how, runId, text: typed });
    saver.taken();
    setText('');
    box.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // While an input method composes, Enter takes its suggestion (229 is how older engines say so).
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    submit();
  };
  return (
    <div class={`prompt ${how === undefined ? 'prompt-closed' : ''}`}>
      <textarea
        ref={box}
        class="prompt-text"
        rows={Math.min(MAX_LINES, text.split('\n').length)}
        value={text}
        maxLength={MAX_PROMPT_LENGTH}
        placeholder={placeholder(header)}
        aria-label="Prompt"
        aria-describedby={header.canSend ? undefined : hint}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="prompt-buttons">
        {!header.canSend && (
          <span id={hint} class={text === '' ? 'visually-hidden' : 'prompt-hint'}>
            {header.promptHint}
          </span>
        )}
        <span class="prompt-actions">
          {how === 'queue' && text.trim() !== '' && (
            <button type="button" class="button button-primary prompt-queue" onClick={submit}>
              Queue
            </button>
          )}
          <PromptButton header={header} isReady={isReady} submit={submit} />
        </span>
      </div>
    </div>
  );
}

interface PromptButtonProps {
  header: Header;
  isReady: boolean;
  submit(): void;
}

/** The one that fits how the run stands. */
function PromptButton({ header, isReady, submit }: PromptButtonProps): JSX.Element {
  const { host, runId } = useRun();
  if (header.canTakeOver) {
    return (
      <button
        type="button"
        class="button button-primary"
        onClick={() => host.post({ type: 'action', action: 'take-over' })}
      >
        Take Over
      </button>
    );
  }
  if (!header.canStop) {
    return (
      <button type="button" class="button button-primary prompt-send" disabled={!isReady} onClick={submit}>
        Send
      </button>
    );
  }
  const stopping = header.turn === 'stopping';
  return (
    <button
      type="button"
      class="button prompt-stop"
      disabled={stopping}
      onClick={() => host.post({ type: 'stop', runId })}
    >
      {stopping ? 'Stopping…' : 'Stop'}
    </button>
  );
}

function placeholder(header: Header): string {
  if (header.canSend) return header.type === 'review' ? 'Ask about this review…' : 'Ask a follow-up…';
  return header.canQueue ? 'Write the next prompt…' : header.promptHint;
}

/** Puts what the host inserts into the box, once, and the keyboard behind it. */
function useInserted(
  inserted: Inserted | undefined,
  box: RefObject<HTMLTextAreaElement>,
  insert: (text: string) => void,
): void {
  const { runId } = useRun();
  // What was inserted before the box was made is in the draft that it began with.
  const known = useRef(inserted);
  const caret = useRef<number | undefined>(undefined);
  useLayoutEffect(() => {
    if (inserted === undefined || inserted === known.current || inserted.runId !== runId) return;
    known.current = inserted;
    caret.current = inserted.text.length;
    insert(inserted.text);
  }, [inserted]);
  useLayoutEffect(() => {
    if (caret.current === undefined || box.current === null) return;
    if (box.current.value.length < caret.current) return;
    box.current.focus();
    box.current.setSelectionRange(caret.current, caret.current);
    caret.current = undefined;
  });
  useLayoutEffect(
    () => box.current?.setSelectionRange(box.current.value.length, box.current.value.length),
    [],
  );
}

const setTimer: SetTimer = (ms, then) => {
  const timer = window.setTimeout(then, ms);
  return () => window.clearTimeout(timer);
};

/** Keeps the host's copy of the draft up to date while it changes, and at once when the panel goes away. */
function useDraft(text: string, initial: string): DraftSaver {
  const { host, runId } = useRun();
  const ref = useRef<DraftSaver>();
  const saver = (ref.current ??= new DraftSaver(
    initial,
    (draft) => host.post({ type: 'draft', runId, text: draft }),
    setTimer,
  ));
  useEffect(() => saver.type(text), [text]);
  useEffect(() => {
    const onHide = (): void => saver.flush();
    window.addEventListener('pagehide', onHide);
    return () => {
      window.removeEventListener('pagehide', onHide);
      onHide();
    };
  }, []);
  return saver;
}
