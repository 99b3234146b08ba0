import {
  Component,
  createElement,
  type ComponentChild,
  type ComponentType,
  type FunctionComponent,
} from 'preact';

/** A component that is drawn again only when one of its props is another value (or its own state changes). */
export function memo<Props extends object>(draw: FunctionComponent<Props>): ComponentType<Props> {
  return class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      const before = this.props as Record<string, unknown>;
      const after = next as Record<string, unknown>;
      for (const key in after) if (before[key] !== after[key]) return true;
      for (const key in before) if (!(key in after)) return true;
      return false;
    }
    override render(): ComponentChild {
      return createElement(draw, this.props as Props);
    }
  };
}
