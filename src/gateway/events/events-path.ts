// The paths of events. Apart, since the door has to know what is theirs before anything of theirs is loaded.
export const eventsPath = '/v1/events';

const watcherPath = /^\/v1\/events\/clients\/([^/]+)$/;

/** The watcher that a path is of, if there is one with such a name. */
export const watcherIn = (path: string): string | undefined => watcherPath.exec(path)?.[1];
