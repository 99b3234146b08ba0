/** What a user can ask to have reviewed, and how that is written. */
import { TargetError } from '../errors.ts';

/** The targets of the grammar, with how each is written and what it means. */
const FORMS = [
  { form: 'uncommitted', pattern: /^uncommitted$/ },
  { form: 'staged', pattern: /^staged$/ },
  { form: 'branch:<base>', pattern: /^branch:\S+$/ },
  { form: 'commit:<id>', pattern: /^commit:\S+$/ },
  { form: 'range:<a..b>', pattern: /^range:\S+\.\.\.?\S+$/ },
] as const;

/** A target that this version reviews. */
export type Target = 'uncommitted';

/**
 * Parses `uncommitted | staged | branch:<base> | commit:<id> | range:<a..b>`. White space around it is ignored.
 * Throws `TargetError` with a sentence for people, for nonsense and for what is not built yet.
 */
export function parseTarget(text: string): Target {
  const asked = text.trim();
  if (asked === 'uncommitted') return asked;
  if (FORMS.some(({ pattern }) => pattern.test(asked))) {
    throw new TargetError(`Reviewing \`${asked}\` is not built yet; only \`uncommitted\` is.`);
  }
  const forms = FORMS.map(({ form }) => `\`${form}\``).join(', ');
  throw new TargetError(
    `${JSON.stringify(asked.slice(0, 100))} names nothing that can be reviewed; the forms are ${forms}.`,
  );
}
