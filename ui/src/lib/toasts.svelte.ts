/** Short messages at the bottom of the window, newest last. */

export interface ToastAction {
  label: string;
  run: () => unknown;
}

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly action: ToastAction | undefined;
}

/** Older toasts give way to newer ones. */
const MAX_TOASTS = 3;

export class Toasts {
  list = $state.raw<readonly Toast[]>([]);
  #nextId = 0;

  add(text: string, action?: ToastAction): void {
    this.list = [...this.list, { id: this.#nextId++, text, action }].slice(-MAX_TOASTS);
  }

  remove(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }

  /** Runs the action of the newest toast that has one. */
  runLastAction(): void {
    const last = this.list.findLast((toast) => toast.action !== undefined);
    if (last !== undefined) this.runAction(last);
  }

  /** Removes the toast first, so that its action runs once. */
  runAction({ id, action }: Toast): void {
    this.remove(id);
    action?.run();
  }
}
