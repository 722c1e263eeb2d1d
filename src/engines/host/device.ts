// A device as the kernel's own tables have it.

/** `fe:00`: major and minor of what `stat` calls `dev`, in hexadecimal. */
export function deviceText(dev: number): string {
  const major = (dev >> 8) & 0xfff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
  const hex = (number: number) => number.toString(16).padStart(2, '0');
  return `${hex(major)}:${hex(minor)}`;
}
