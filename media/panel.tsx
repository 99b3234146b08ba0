/** The panel's entry: takes the host's messages, keeps the state, draws it once per frame. */
import { render } from 'preact';
import * as v from 'valibot';
import { HostMessageSchema } from '../src/core/protocol.ts';
import type { Announcement } from './components/announcer.tsx';
import { Panel } from './components/panel.tsx';
import { connectHost } from './host.ts';
import { apply, initialState, loseSync, type Step } from './store.ts';

/** Announcements kept in the page; a screen reader has heard older ones or never will. */
const MAX_ANNOUNCEMENTS = 5;

const root = document.createElement('div');
root.className = 'panel';
document.body.append(root);

const host = connectHost();
let state = initialState;
let announcements: readonly Announcement[] = [];
let announced = 0;
let frame: number | undefined;

function draw(): void {
  frame = undefined;
  render(<Panel host={host} state={state} announcements={announcements} />, root);
}

function take(step: Step): void {
  state = step.state;
  frame ??= requestAnimationFrame(draw);
  for (const effect of step.effects) {
    switch (effect.do) {
      case 'resync':
        host.post({ type: 'resync' });
        break;
      case 'focus':
        focus();
        break;
      case 'announce':
        announcements = [...announcements, { key: announced++, text: effect.text }].slice(-MAX_ANNOUNCEMENTS);
        break;
    }
  }
}

/** To the first open ask, else to the prompt box, else to the only button there is. */
function focus(): void {
  if (frame !== undefined) {
    cancelAnimationFrame(frame);
    draw();
  }
  const target =
    root.querySelector<HTMLElement>('[data-ask="open"] :is(button, input):enabled') ??
    root.querySelector<HTMLElement>('.prompt-text') ??
    root.querySelector<HTMLElement>('button');
  target?.focus();
}

window.addEventListener('message', (event: MessageEvent<unknown>) => {
  const message = v.safeParse(HostMessageSchema, event.data);
  if (message.success) {
    take(apply(state, message.output, Date.now()));
    return;
  }
  const [issue] = message.issues;
  // Once per bad message: the page has no other log, and the host that sent it cannot know.
  // oxlint-disable-next-line no-console
  console.warn(
    `Holdfast panel: message not understood at ${v.getDotPath(issue) ?? 'its top'}: ${issue.message}`,
  );
  take(loseSync(state));
});

host.post({ type: 'ready' });
