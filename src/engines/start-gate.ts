// Until the supervisor starts, no engine does: what is needed meanwhile (a session is seated before its engines are
// made) is kept, and has its turn then.
import type { EngineTurns, GroupMember } from './engine-group.ts';

/** One that waits for nobody. */
export const atOnce: EngineTurns = { need: (member) => member.wake() };

export class StartGate {
  /** Who was needed, and who gives them their turn then; none once it is open. */
  #kept: Map<GroupMember, EngineTurns> | undefined = new Map();

  /** @param turns who decides once it is open */
  before(turns: EngineTurns): EngineTurns {
    return {
      need: (member) => {
        if (this.#kept) this.#kept.set(member, turns);
        else turns.need(member);
      },
    };
  }

  /** In the order in which they were needed first; who is not wanted any more is left out. Idempotent. */
  open(): void {
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    for (const [member, turns] of kept) if (member.wanted()) turns.need(member);
  }
}
