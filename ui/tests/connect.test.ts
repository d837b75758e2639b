import { fireEvent, screen, waitFor, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import { groupRecipes, lastSeen, monogram } from '../src/views/connect/recipe-groups';
import { announcement, button, callsTo, open, press, row, type } from './helpers';

const app = (name: string) => press(new RegExp(`^${name}`));
const names = (section: string) =>
  within(screen.getByRole('region', { name: section }))
    .getAllByRole('button')
    .map((tile) => tile.querySelector('.name')?.textContent);

test('apps on this computer come first, and any app can be found', async () => {
  open('connect');
  await screen.findByRole('region', { name: 'Installed here' });
  expect(names('Installed here')).toEqual(['Open WebUI', 'curl', 'OpenAI Python', 'Zed', 'VS Code']);
  expect(names('More apps')).toContain('Home Assistant');
  expect(names('More apps').at(-1)).toBe('Any other app');
  await type('Search apps', 'jan');
  expect(names('More apps')).toEqual(['Jan']);
  await type('Search apps', 'something else');
  await press('Connect any other app');
  await screen.findByText(/Cursor can't connect/);
});

test('an app opens with its own fields, and Escape leads back to its tile', async () => {
  open('connect');
  await app('Cline');
  const title = await screen.findByRole('heading', { level: 2, name: 'Cline' });
  await waitFor(() => expect(title).toHaveFocus());
  expect(screen.getByText('Model ID')).toBeVisible();
  await fireEvent.keyDown(title, { key: 'Escape' });
  await waitFor(async () => expect(await button(/^Cline/)).toHaveFocus());
});

test('copying a piece uses the selected key', async () => {
  const host = open('connect');
  await app('Open WebUI');
  await fireEvent.change(await screen.findByLabelText('Use key'), { target: { value: 'k2' } });
  await screen.findByText('sk-…3fQ2');
  await press('Copy: Key for Open WebUI on this computer');
  expect(callsTo(host, 'copyPiece')).toEqual([['openWebUi', 1, 'k2', null]]);
  await waitFor(() => expect(announcement()).toBe('Copied: Key for Open WebUI on this computer'));
});

test('base URL and key are copied in one', async () => {
  const host = open('connect');
  await app('Cline');
  await press('Copy both: base URL and key for Cline');
  expect(callsTo(host, 'copyBoth')).toEqual([['cline', 'k1', null]]);
});

test('a key that cannot be filled in is explained', async () => {
  open('connect');
  await app('Open WebUI');
  await fireEvent.change(await screen.findByLabelText('Use key'), { target: { value: 'k3' } });
  await screen.findByText(/The key “Scripts” isn't in your keychain/);
});

test('the likely place of Open WebUI is chosen, and the others are folded', async () => {
  open('connect');
  await app('Open WebUI');
  await screen.findByText('Open WebUI runs on this computer.');
  expect(screen.getByText('Open WebUI runs somewhere else').closest('details')).not.toHaveAttribute('open');
  await fireEvent.click(screen.getByRole('radio', { name: 'Docker Desktop' }));
  await screen.findByText('Open WebUI runs in Docker Desktop.');
});

test('Docker containers can be allowed from the recipe that needs it', async () => {
  const host = open('connect');
  await app('Open WebUI');
  await fireEvent.click(await screen.findByRole('radio', { name: 'Docker on Linux' }));
  await press('Allow Docker containers');
  await waitFor(() => expect(screen.queryByText(/Containers can't connect yet/)).toBeNull());
  expect(callsTo(host, 'listenOnDockerBridge')).toHaveLength(1);
});

test('the test of the connection says what it costs, and shows each step in seconds', async () => {
  const host = open('connect');
  await app('Open WebUI');
  await screen.findByText(/Uses one short answer of your limit/);
  await press('Test');
  await screen.findByText('Everything works.');
  expect(screen.getByText('0.91 s')).toBeVisible();
  expect(announcement()).toBe('Passed: Streamed a short answer from gpt-6.1-sol');
  expect(callsTo(host, 'checkConnection')[0]?.slice(0, 2)).toEqual(['openWebUi', 'k1']);
});

test('in Docker, the test fails while containers cannot reach the proxy', async () => {
  open('connect');
  await app('Open WebUI');
  await fireEvent.click(await screen.findByRole('radio', { name: 'Docker on Linux' }));
  await press('Test');
  await screen.findByText('1 of 5 steps failed.');
  expect(screen.getByText('Containers can reach it')).toBeVisible();
});

test('a result goes when the recipe or the key changes', async () => {
  open('connect');
  await app('Open WebUI');
  await press('Test');
  await screen.findByText('Everything works.');
  await fireEvent.change(await screen.findByLabelText('Use key'), { target: { value: 'k2' } });
  await waitFor(() => expect(screen.queryByText('Everything works.')).toBeNull());
  await press('Test');
  await screen.findByText('Everything works.');
  await fireEvent.click(screen.getByRole('radio', { name: 'Docker Desktop' }));
  await waitFor(() => expect(screen.queryByText('Everything works.')).toBeNull());
});

test('steps appear one by one, and those of an earlier recipe are dropped', async () => {
  const host = open('connect');
  await app('Open WebUI');
  let send: Parameters<typeof host.checkConnection>[2] = () => {};
  host.checkConnection = (_recipe, _key, onStep) => {
    send = onStep;
    return new Promise(() => {});
  };
  await press('Test');
  send({ what: 'The proxy answers', ok: true, detail: '', ms: 1 });
  await screen.findByText('The proxy answers');
  expect(screen.getByText('Testing the connection…')).toBeVisible();
  await fireEvent.click(screen.getByRole('radio', { name: 'Docker Desktop' }));
  send({ what: 'Models are listed', ok: true, detail: '', ms: 1 });
  await screen.findByText(/Uses one short answer of your limit/);
  expect(screen.queryByText('Models are listed')).toBeNull();
});

test.each([
  ['port-taken', /Another program is using port 8000.*no key reaches that program/],
  ['stopped', /The proxy isn't running, so this address isn't ours/],
] as const)('in the scenario %s nothing can be copied, and the reason is shown', async (scenario, reason) => {
  open('connect', { scenario });
  await screen.findByText(reason);
  await app('Open WebUI');
  expect(await button('Copy: URL for Open WebUI on this computer')).toBeDisabled();
  expect(await button(/^Copy both/)).toBeDisabled();
  expect(await button('Test')).toBeDisabled();
  expect(screen.getByText('http://127.0.0.1:8000/v1')).toHaveClass('not-ours');
});

test('on the network, its address is shown and copied everywhere, others can be chosen, and a phone can scan it', async () => {
  const host = open('connect', { scenario: 'lan' });
  const address = await screen.findByLabelText('Base URL');
  expect(address).toHaveValue('http://192.168.1.20:8000/v1');
  await press('Copy: base URL');
  expect(callsTo(host, 'copyText')).toEqual([['http://192.168.1.20:8000/v1']]);
  expect(screen.getByRole('img', { name: 'QR code of http://192.168.1.20:8000/v1' })).toBeInTheDocument();
  await app('Cline');
  expect(screen.getByText('http://192.168.1.20:8000/v1', { selector: '.text' })).toBeVisible();
  await fireEvent.change(address, { target: { value: 'http://10.8.0.3:8000/v1' } });
  await screen.findByText('http://10.8.0.3:8000/v1', { selector: '.text' });
  await press('Copy both: base URL and key for Cline');
  expect(callsTo(host, 'copyBoth')).toEqual([['cline', 'k1', 'http://10.8.0.3:8000/v1']]);
});

test('recipes follow a change of the address', async () => {
  const host = open('connect');
  await app('Cline');
  await screen.findByText('http://127.0.0.1:8000/v1');
  await host.useFreePort();
  await screen.findByText('http://127.0.0.1:8001/v1');
});

test('an app is known by the name of its latest request', () => {
  const rows = [row({ id: '3', at: 300 }), row({ id: '2', at: 200 })].map((one) => ({ ...one, app: 'Zed' }));
  expect([...lastSeen([...rows, { ...row({ id: '1', at: 100 }), app: 'Cline' }])]).toEqual([
    ['Zed', 300],
    ['Cline', 100],
  ]);
});

test('tiles have letters instead of logos, and an unknown recipe its own tile', () => {
  expect(['Open WebUI', 'Zed', 'n8n', 'VS Code'].map(monogram)).toEqual(['OW', 'Z', 'N', 'VC']);
  const recipe = { id: 'new', title: 'New app', intro: '', pieces: [], warning: null, canOpenDocker: false };
  expect(groupRecipes([{ ...recipe, suggested: false }])[0]).toMatchObject({ id: 'new', name: 'New app' });
});

test('images of Open WebUI are set up with the same address and key, and tested with a real picture on request', async () => {
  const host = open('connect');
  await app('Open WebUI');
  const summary = await screen.findByText('Let Open WebUI generate images');
  expect(screen.queryByText('gpt-image-1')).toBeNull();
  await fireEvent.click(summary);
  const card = within(await screen.findByRole('region', { name: 'Images in Open WebUI' }));
  expect(card.getByText(/Admin Panel → Settings → Images/)).toBeVisible();
  expect(card.queryByText(/OPENAI_BASE_URL/)).toBeNull();
  await press('Copy: Model for Images in Open WebUI');
  expect(callsTo(host, 'copyPiece')[0]?.[0]).toBe('openWebUiImages');
  const check = within(screen.getByRole('region', { name: 'Test images' }));
  expect(check.getByText(/Uses one picture of your limit/)).toBeVisible();
  expect(callsTo(host, 'checkPicture')).toEqual([]);
  await fireEvent.click(check.getByRole('button', { name: 'Generate a picture' }));
  expect(await check.findByRole('img', { name: 'The generated test' })).toHaveAttribute(
    'src',
    expect.stringMatching(/^data:image\/png;base64,/),
  );
  expect(check.getByText('Images work.')).toBeVisible();
});

test('a failed test of images says why', async () => {
  const host = open('connect');
  host.checkPicture = async () => ({
    step: { what: 'Generated a picture', ok: false, detail: 'Sign in with ChatGPT.', ms: 1 },
    picture: null,
  });
  await app('Open WebUI');
  await fireEvent.click(await screen.findByText('Let Open WebUI generate images'));
  await press('Generate a picture');
  expect(await screen.findByText('Sign in with ChatGPT.')).toBeVisible();
  expect(screen.getByText('The test failed.')).toBeVisible();
  expect(screen.queryByRole('img', { name: 'The generated test' })).toBeNull();
});
