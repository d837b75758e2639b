/** The data URL of a picture in base64, whose first characters tell its type. */
export function pictureUrl(base64: string): string {
  const type = base64.startsWith('/9j/') ? 'jpeg' : base64.startsWith('UklGR') ? 'webp' : 'png';
  return `data:image/${type};base64,${base64}`;
}
