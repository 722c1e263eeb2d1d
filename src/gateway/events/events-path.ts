// The paths of events. Apart, since the door has to know what is theirs before anything of theirs is loaded.
export const eventsPath = '/v1/events';

const watcherPath = /^\/v1\/events\/clients\/([\w.-]{1,64})$/;

/** The watcher that a path is of. */
export const watcherIn = (path: string): string | undefined => watcherPath.exec(path)?.[1];
