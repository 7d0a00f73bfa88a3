// Talking to the server: every refusal is an error with words for a person.

export class Refusal extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function answered(response) {
  let said = {};
  try {
    said = await response.json();
  } catch {
    // not ours: the words below say so
  }
  if (!response.ok) throw new Refusal(said.error ?? `The server answered ${response.status}.`, response.status);
  return said;
}

async function fetched(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Refusal("formreader is not running any more; start it again as before. Nothing saved is lost.", 0);
  }
}

export async function get(path, asked = {}) {
  const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== undefined && value !== ""));
  return answered(await fetched(`/api/${path}?${query}`));
}

// A file goes as it is, with what is said about it in the address.
export async function send(path, file, asked = {}) {
  const options = { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file };
  return answered(await fetched(`/api/${path}?${new URLSearchParams(asked)}`, options));
}

export async function post(path, said = {}) {
  const options = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(said) };
  return answered(await fetched(`/api/${path}`, options));
}
