/**
 * The answer of the inspect step: its form, and reading it out of the text that the model gave.
 *
 * The valibot schema decides; the JSON schema, which stands in the prompt, tells the model the same in its own
 * language, with the bounds as sentences in its descriptions.
 */
import * as v from 'valibot';
import { CONFIDENCES, SEVERITIES } from './finding.ts';

/** Findings in one answer. More than anyone reads; an answer beyond it is a model gone astray. */
export const MAX_FINDINGS = 200;
/** UTF-16 units of one line in a list. */
const MAX_TITLE = 200;
/** UTF-16 units; about three screens of text. */
const MAX_BODY = 8_000;
/** UTF-16 units; about a hundred lines of code. */
const MAX_ANCHOR = 4_000;
/** UTF-16 units; a rewrite of the anchor may be longer than it. */
const MAX_SUGGESTION = 8_000;
const MAX_SUMMARY = 4_000;
/** UTF-16 units of the whole text: above what `MAX_FINDINGS` full ones take. */
const MAX_ANSWER_TEXT = 6_000_000;
/** Problems named at once: enough to see the pattern, few enough for a prompt. */
const MAX_PROBLEMS = 20;

const filled = (name: string, max: number) =>
  v.pipe(
    v.string(`${name} must be text`),
    v.check((text) => text.trim() !== '', `${name} must not be empty`),
    v.maxLength(max, `${name} must be at most ${max} characters long`),
  );
const oneOf = <const T extends readonly string[]>(name: string, options: T) =>
  v.picklist(options, (issue) => `${name} must be one of ${options.join(', ')}, not ${clip(issue.received)}`);
const line = (name: string) =>
  v.nullish(v.pipe(v.number(`${name} must be a whole number`), v.integer(`${name} must be a whole number`)));

export const AnswerFindingSchema = v.object(
  {
    severity: oneOf('severity', SEVERITIES),
    confidence: oneOf('confidence', CONFIDENCES),
    title: filled('title', MAX_TITLE),
    body: filled('body', MAX_BODY),
    file: filled('file', 4_096),
    /** The model's own count. Only ever used to choose between several places where the anchor stands. */
    startLine: line('startLine'),
    endLine: line('endLine'),
    anchor: v.pipe(
      v.string('anchor must be text'),
      v.maxLength(MAX_ANCHOR, `anchor must be at most ${MAX_ANCHOR} characters long`),
    ),
    suggestion: v.nullish(
      v.pipe(
        v.string('suggestion must be text'),
        v.maxLength(MAX_SUGGESTION, `suggestion must be at most ${MAX_SUGGESTION} characters long`),
      ),
    ),
  },
  missing,
);
/** One finding as the model gave it: of the right form, not yet checked against the scope and the files. */
export type AnswerFinding = v.InferOutput<typeof AnswerFindingSchema>;

const AnswerSchema = v.object(
  {
    summary: v.pipe(
      v.string('summary must be text'),
      v.maxLength(MAX_SUMMARY, `summary must be at most ${MAX_SUMMARY} characters long`),
    ),
    findings: v.pipe(
      v.array(v.unknown(), 'findings must be a list'),
      v.maxLength(MAX_FINDINGS, `findings must hold at most ${MAX_FINDINGS} entries`),
    ),
  },
  missing,
);

/** A whole answer of the right form. */
export interface ReviewAnswer {
  summary: string;
  findings: AnswerFinding[];
}

/** A finding whose form is wrong. */
export interface MalformedFinding {
  title: string;
  reason: string;
}

export type ParsedAnswer =
  | { ok: true; answer: ReviewAnswer }
  | {
      ok: false;
      /** Precise sentences for the repair prompt. */
      problems: string[];
      /** What can be used all the same, when the answer as a whole has the right form. */
      usable?: { answer: ReviewAnswer; malformed: MalformedFinding[] };
    };

/** Reads the answer from the last fenced JSON block of the final text, or from a text that is one JSON object. */
export function parseAnswer(text: string): ParsedAnswer {
  const found = jsonOf(text);
  if ('problem' in found) return { ok: false, problems: [found.problem] };
  const whole = v.safeParse(AnswerSchema, found.value);
  if (!whole.success) return { ok: false, problems: whole.issues.map((issue) => `${issue.message}.`) };

  const answer: ReviewAnswer = { summary: whole.output.summary, findings: [] };
  const malformed: MalformedFinding[] = [];
  const problems: string[] = [];
  whole.output.findings.forEach((entry, index) => {
    const result = v.safeParse(AnswerFindingSchema, entry);
    if (result.success) {
      answer.findings.push(result.output);
      return;
    }
    const reasons = result.issues.map((issue) => issue.message);
    malformed.push({ title: titleOf(entry), reason: reasons.join('; ') });
    problems.push(...reasons.map((reason) => `findings[${index}]: ${reason}.`));
  });
  if (problems.length === 0) return { ok: true, answer };
  return { ok: false, problems: atMost(problems), usable: { answer, malformed } };
}

/** The first problems, and how many more there are. */
export function atMost(problems: readonly string[]): string[] {
  if (problems.length <= MAX_PROBLEMS) return [...problems];
  return [
    ...problems.slice(0, MAX_PROBLEMS),
    `… and ${problems.length - MAX_PROBLEMS} more of the same kinds.`,
  ];
}

/** The form of the answer as a JSON schema, for the prompt. */
export const ANSWER_JSON_SCHEMA: Readonly<Record<string, unknown>> = {
  type: 'object',
  properties: {
    summary: {
      type: 'string',
      description: 'Two or three sentences: what the change does and what you think of it.',
    },
    findings: {
      type: 'array',
      description: `Defects, the worst first; an empty list when there are none. At most ${MAX_FINDINGS}.`,
      items: {
        type: 'object',
        properties: {
          severity: { type: 'string', enum: [...SEVERITIES] },
          confidence: {
            type: 'string',
            enum: [...CONFIDENCES],
            description: 'How sure you are that it is a defect.',
          },
          title: { type: 'string', description: `One line, at most ${MAX_TITLE} characters.` },
          body: {
            type: 'string',
            description: `Markdown: what goes wrong, when, and why. At most ${MAX_BODY} characters.`,
          },
          file: { type: 'string', description: 'Path exactly as in the list of files under review.' },
          startLine: {
            type: 'integer',
            description: 'First line in the file as it is now, from 1. A hint only.',
          },
          endLine: { type: 'integer', description: 'Last line, included. A hint only.' },
          anchor: {
            type: 'string',
            description:
              'The lines of the file that the finding is about, copied verbatim from the file as it is now, without ' +
              `diff signs or line numbers. At most ${MAX_ANCHOR} characters; usually one to five lines.`,
          },
          suggestion: {
            type: 'string',
            description:
              'Text to put in place of the anchor, verbatim. Only when the fix is obvious and complete.',
          },
        },
        required: ['severity', 'confidence', 'title', 'body', 'file', 'anchor'],
        additionalProperties: false,
      },
    },
  },
  required: ['summary', 'findings'],
  additionalProperties: false,
};

/** Sentence for an object that lacks a field, or is no object at all. */
function missing(issue: v.ObjectIssue): string {
  const key = issue.path?.at(-1)?.key;
  if (typeof key === 'string') return `${key} is missing`;
  return `an object is needed here, not ${clip(issue.received)}`;
}

function titleOf(entry: unknown): string {
  const known = v.safeParse(v.object({ title: v.string() }), entry);
  return clip((known.success && known.output.title.trim()) || 'Untitled finding');
}

function jsonOf(text: string): { value: unknown } | { problem: string } {
  if (text.length > MAX_ANSWER_TEXT) {
    return { problem: `The answer is longer than ${MAX_ANSWER_TEXT} characters.` };
  }
  const block = lastFencedBlock(text) ?? text.trim();
  if (!block.startsWith('{')) {
    return { problem: 'The answer holds no JSON object of the asked-for form.' };
  }
  try {
    return { value: JSON.parse(block) as unknown };
  } catch (error) {
    return {
      problem: `The JSON of the answer cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    };
  }
}

/**
 * The content of the last closed fence, marked as JSON or not at all, that holds an object. JSON has no raw line
 * breaks in strings, so a fence line ends it; and a line that opens a JSON block does so wherever it stands, so that
 * a fence left open before it does not swallow the answer.
 */
function lastFencedBlock(text: string): string | undefined {
  let last: string | undefined;
  let open: { fence: string; language: string; lines: string[] } | undefined;
  for (const each of text.split('\n')) {
    const trimmed = each.trim();
    const [, fence, language = ''] = /^(`{3,}|~{3,})\s*(\w*)/.exec(trimmed.toLowerCase()) ?? [];
    if (open && trimmed === open.fence) {
      const content = open.lines.join('\n').trim();
      if (/^(?:json)?$/.test(open.language) && content.startsWith('{')) last = content;
      open = undefined;
    } else if (fence !== undefined && (!open || language === 'json')) {
      open = { fence, language, lines: [] };
    } else {
      open?.lines.push(each);
    }
  }
  return last;
}

function clip(text: string): string {
  return text.length > MAX_TITLE ? `${text.slice(0, MAX_TITLE)}…` : text;
}
