import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import type { FindingRow, Row } from '../../src/core/protocol.ts';
import { count } from '../time.ts';
import { CodeBlock } from './code-block.tsx';
import { useFold, useRun } from './context.ts';
import { Disclosure } from './disclosure.tsx';
import { Icon } from './icons.tsx';
import { inlineCode } from './inline-code.tsx';
import { GrowingMarkdown } from './markdown.tsx';

const SEVERITY_WORDS: Readonly<Record<FindingRow['severity'], string>> = {
  critical: 'Critical',
  high: 'High',
  medium: 'Medium',
  low: 'Low',
  info: 'Info',
};
const CONFIDENCE_WORDS: Readonly<Record<FindingRow['confidence'], string>> = {
  high: 'confident',
  medium: 'likely',
  low: 'possible',
};

export function FindingsRow({ row }: { row: Extract<Row, { kind: 'findings' }> }): JSX.Element {
  const { findings } = row;
  return (
    <section class="box findings" aria-label="Findings">
      <div class="findings-head">
        {findings.length === 0 ? <Icon name="check" class="good" /> : undefined}
        <h2>{findings.length === 0 ? 'No findings' : count(findings.length, 'finding')}</h2>
        <span>{row.coverage}</span>
      </div>
      {findings.length > 0 && (
        <ul>
          {findings.map((finding) => (
            <Finding key={finding.id} finding={finding} fold={`${row.id}/${finding.id}`} />
          ))}
        </ul>
      )}
      {row.skipped.length > 0 && (
        <Disclosure
          id={`${row.id}/skipped`}
          class="skipped"
          label={`${count(row.skipped.length, 'file')} not reviewed`}
        >
          {() => (
            <dl class="facts">
              {row.skipped.map((skipped) => (
                <div key={skipped.file} class="fact">
                  <dt>{skipped.file}</dt>
                  <dd>{skipped.reason}</dd>
                </div>
              ))}
            </dl>
          )}
        </Disclosure>
      )}
    </section>
  );
}

function Finding({ finding, fold }: { finding: FindingRow; fold: string }): JSX.Element {
  const { host } = useRun();
  const [open, setOpen] = useFold(fold);
  const region = useId();
  const { file, line } = finding;
  const name = file.slice(file.lastIndexOf('/') + 1);
  const sub = [SEVERITY_WORDS[finding.severity], CONFIDENCE_WORDS[finding.confidence]];
  if (line === undefined) sub.push('place not found in the file');

  const goThere = (): void => host.post({ type: 'open-file', file, ...(line !== undefined && { line }) });
  // As in the Problems view: left and right fold, Enter goes to the code.
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowRight') setOpen(true);
    else if (event.key === 'ArrowLeft') setOpen(false);
    else return;
    event.preventDefault();
  };
  return (
    <li class={`finding severity-${finding.severity}`} data-finding={finding.id}>
      <div class="finding-line">
        <button
          type="button"
          class="twistie"
          aria-expanded={open}
          aria-controls={region}
          aria-label={`Details of ${finding.title}`}
          onClick={() => setOpen(!open)}
        >
          <Icon name="chevron" class="chevron" />
        </button>
        <button
          type="button"
          class="finding-main"
          title={`Open ${place(file, line)}`}
          onClick={goThere}
          onKeyDown={onKeyDown}
        >
          <span class="severity-dot" aria-hidden="true" />
          <span class="finding-head">
            <span class="finding-title">{inlineCode(finding.title)}</span>
            <span class="finding-place elide-start">
              <bdi dir="ltr">{place(name, line)}</bdi>
            </span>
          </span>
          <small class="finding-sub">
            {sub.join(' · ')}
            {name !== file && <> · {file.slice(0, -name.length)}</>}
          </small>
        </button>
      </div>
      <div id={region} hidden={!open}>
        {open && (
          <div class="finding-body">
            <GrowingMarkdown text={finding.body} />
            {finding.suggestion !== undefined && (
              <>
                <h3>Suggested change</h3>
                <CodeBlock text={finding.suggestion} language={languageOf(name)} closed />
              </>
            )}
          </div>
        )}
      </div>
    </li>
  );
}

function place(file: string, line: number | undefined): string {
  return line === undefined ? file : `${file}:${line}`;
}

/** The highlighter knows languages by their usual file endings too. */
function languageOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot === -1 ? '' : name.slice(dot + 1).toLowerCase();
}
