import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';
import { useFold } from './context.ts';
import { Icon } from './icons.tsx';

interface DisclosureProps {
  /** Names the fold among those of the run. */
  id: string;
  label: ComponentChildren;
  class?: string;
  initially?: boolean;
  /** Drawn only when open. */
  children: () => ComponentChildren;
}

/** A button that folds and unfolds what stands below it. */
export function Disclosure({
  id,
  label,
  class: className = '',
  initially,
  children,
}: DisclosureProps): JSX.Element {
  const [open, setOpen] = useFold(id, initially);
  const region = useId();
  return (
    <div class={`disclosure ${className}`}>
      <button
        type="button"
        class="disclosure-button"
        aria-expanded={open}
        aria-controls={region}
        onClick={() => setOpen(!open)}
      >
        <Icon name="chevron" class="chevron" />
        {label}
      </button>
      <div id={region} hidden={!open}>
        {open && children()}
      </div>
    </div>
  );
}
