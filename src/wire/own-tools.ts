// What a caller is told whose function has the name of one of the gateway's own.

export function toolTaken(name: string): string {
  return `The function '${name}' is one of the gateway's own (a task of this pipeline), so the model is not told of yours: give yours another name. Everything else of the update is in effect.`;
}
