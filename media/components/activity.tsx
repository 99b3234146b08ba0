import type { JSX } from 'preact';
import type { Header } from '../../src/core/protocol.ts';
import { count, formatClock } from '../time.ts';
import { useHostNow, useRun } from './context.ts';
import { Disclosure } from './disclosure.tsx';
import { Icon, Spinner } from './icons.tsx';
import { memo } from './memo.ts';

/** What stands between the rows and the prompt box: the engine's own retry, to-dos and touched files. */
export const Activity = memo(({ header }: { header: Header }): JSX.Element | null => {
  const { retry, todos, files } = header;
  if (retry === undefined && todos.length === 0 && files.length === 0) return null;
  return (
    <div class="activity">
      {retry !== undefined && <Retry retry={retry} />}
      {todos.length > 0 && <Todos todos={todos} />}
      {files.length > 0 && <Files files={files} />}
    </div>
  );
});

function Retry({ retry }: { retry: NonNullable<Header['retry']> }): JSX.Element {
  const now = useHostNow(true);
  const left = retry.nextAt - now;
  return (
    <Disclosure
      id="activity/retry"
      label={
        <>
          <Icon name="warning" class="retry-icon" />
          <span class="retry-text">
            The model call failed; the engine asks again (try {retry.attempt + 1})
          </span>
          <span class="retry-time">
            {left > 0 ? `next try in ${formatClock(left + 999)}` : 'trying again'}
          </span>
        </>
      }
    >
      {() => <p class="retry-detail">{retry.message}</p>}
    </Disclosure>
  );
}

function Todos({ todos }: { todos: Header['todos'] }): JSX.Element {
  const relevant = todos.filter((todo) => todo.status !== 'cancelled');
  const done = relevant.filter((todo) => todo.status === 'completed').length;
  const current = todos.find((todo) => todo.status === 'in_progress');
  return (
    <Disclosure
      id="activity/todos"
      label={
        <>
          <span class="activity-title">
            To-dos {done}/{relevant.length}
          </span>
          {current !== undefined && <span class="activity-now">{current.content}</span>}
        </>
      }
    >
      {() => (
        <ul class="todos">
          {todos.map((todo, index) => (
            <li key={index} class={`todo todo-${todo.status}`}>
              <TodoIcon status={todo.status} />
              <span>{todo.content}</span>
              <span class="visually-hidden">, {todo.status.replace('_', ' ')}</span>
            </li>
          ))}
        </ul>
      )}
    </Disclosure>
  );
}

function TodoIcon({ status }: { status: Header['todos'][number]['status'] }): JSX.Element {
  switch (status) {
    case 'completed':
      return <Icon name="check" class="good" />;
    case 'in_progress':
      return <Spinner />;
    case 'cancelled':
      return <Icon name="cross" />;
    case 'pending':
      return <Icon name="circle" />;
  }
}

function Files({ files }: { files: Header['files'] }): JSX.Element {
  const { host } = useRun();
  const additions = files.reduce((sum, file) => sum + file.additions, 0);
  const deletions = files.reduce((sum, file) => sum + file.deletions, 0);
  return (
    <Disclosure
      id="activity/files"
      label={
        <>
          <span class="activity-title">{count(files.length, 'file')} changed</span>
          <Changes additions={additions} deletions={deletions} />
        </>
      }
    >
      {() => (
        <ul class="files">
          {files.map((file) => (
            <li key={file.file}>
              <button
                type="button"
                class="file"
                title={`Open ${file.file}`}
                onClick={() => host.post({ type: 'open-file', file: file.file })}
              >
                <span class="file-name elide-start">
                  <bdi dir="ltr">{file.file}</bdi>
                </span>
                <Changes additions={file.additions} deletions={file.deletions} />
              </button>
            </li>
          ))}
        </ul>
      )}
    </Disclosure>
  );
}

function Changes({ additions, deletions }: { additions: number; deletions: number }): JSX.Element {
  return (
    <span class="changes">
      <span class="additions">+{additions}</span> <span class="deletions">−{deletions}</span>
    </span>
  );
}
