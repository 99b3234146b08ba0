import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { MAX_PROMPT_LENGTH, type Row } from '../../src/core/protocol.ts';
import { answersOf, emptyChoice, isComplete, toggle, type Choice } from '../answers.ts';
import { useRun } from './context.ts';
import { useReply } from './use-reply.ts';

type Question = Extract<Row, { kind: 'question' }>;
type Part = Question['questions'][number];

const STATES: Readonly<Record<Question['state'], string>> = {
  open: 'needs you',
  sent: 'sending…',
  answered: 'answered',
  dismissed: 'dismissed',
  gone: 'no longer asked',
};

export function QuestionRow({ row }: { row: Question }): JSX.Element {
  const { host } = useRun();
  const heading = useId();
  const { card, given, give } = useReply(row, row.state === 'open');
  const [choices, setChoices] = useState<readonly Choice[]>(() => row.questions.map(() => emptyChoice));
  const state = given ? 'sent' : row.state;
  const open = state === 'open';
  const isOver = !open && state !== 'sent';
  const complete = choices.every(isComplete);

  const submit = (): void => {
    if (!open || !complete) return;
    give();
    host.post({ type: 'question', askId: row.askId, answers: choices.map(answersOf) });
  };
  const dismiss = (): void => {
    give();
    host.post({ type: 'question', askId: row.askId });
  };
  return (
    <section
      ref={card}
      tabIndex={-1}
      class={`card card-info ask ${isOver ? 'card-over' : ''}`}
      aria-labelledby={heading}
      data-ask={state}
    >
      <h2 class="card-title" id={heading}>
        {row.questions.length === 1 ? 'A question for you' : `${row.questions.length} questions for you`}
        <span class="card-aside">{STATES[state]}</span>
      </h2>
      {row.questions.map((part, index) =>
        isOver ? (
          <Answered key={index} part={part} answers={row.answers?.[index] ?? []} />
        ) : (
          <Choices
            key={index}
            part={part}
            choice={choices[index] ?? emptyChoice}
            disabled={!open}
            onChange={(choice) => setChoices(choices.map((each, at) => (at === index ? choice : each)))}
            onSubmit={submit}
          />
        ),
      )}
      {!isOver && (
        <div class="actions">
          <button type="button" class="button button-primary" disabled={!open || !complete} onClick={submit}>
            Submit
          </button>
          <button type="button" class="button" disabled={!open} onClick={dismiss}>
            Dismiss
          </button>
        </div>
      )}
    </section>
  );
}

function Answered({ part, answers }: { part: Part; answers: readonly string[] }): JSX.Element {
  return (
    <div class="question">
      <p class="question-text">{part.question}</p>
      {answers.length > 0 && <p class="question-answer">{answers.join(', ')}</p>}
    </div>
  );
}

interface ChoicesProps {
  part: Part;
  choice: Choice;
  disabled: boolean;
  onChange(choice: Choice): void;
  onSubmit(): void;
}

function Choices({ part, choice, disabled, onChange, onSubmit }: ChoicesProps): JSX.Element {
  const name = useId();
  const kind = part.multiple ? 'checkbox' : 'radio';
  return (
    <fieldset class="question" disabled={disabled}>
      <legend class="question-text">
        {part.header !== '' && <span class="question-header">{part.header}</span>}
        {part.question}
      </legend>
      {part.options.map((option) => (
        <label key={option.label} class="option">
          <input
            type={kind}
            name={name}
            checked={choice.labels.includes(option.label)}
            onChange={() => onChange(toggle(choice, option.label, part.multiple))}
          />
          <span>
            {option.label}
            {option.description !== '' && <small>{option.description}</small>}
          </span>
        </label>
      ))}
      {part.custom && (
        <input
          type="text"
          class="text-input"
          placeholder={part.options.length > 0 ? 'Another answer…' : 'Your answer…'}
          aria-label={part.options.length > 0 ? 'Another answer' : 'Your answer'}
          maxLength={MAX_PROMPT_LENGTH}
          value={choice.custom}
          onInput={(event) => {
            const custom = event.currentTarget.value;
            // With a single choice, writing an answer takes the place of a chosen one.
            onChange({ labels: part.multiple || custom === '' ? choice.labels : [], custom });
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.isComposing && event.keyCode !== 229) onSubmit();
          }}
        />
      )}
    </fieldset>
  );
}
