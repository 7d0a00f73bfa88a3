// Small pieces every screen is made of. All text goes in as text: names of fields and files are anybody's.

export function h(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function percent(share) {
  return share >= 0.9995 ? ">99.9 %" : `${(100 * share).toFixed(1)} %`;
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

// Why a person should look, in words; what a scan is called is never among these.
const REASONS = {
  blank: "nothing written where a value is required",
  struck: "struck out",
  not_a_digit: "holds something that is no digit",
  two_digits: "two digits in one box",
  letter: "looks like a letter",
  scribbled: "scribbled over",
  low_confidence: "not sure of a digit",
  ink_outside: "the stroke leaves its box",
  gap: "a blank box between digits",
  rule: "breaks a rule",
  page_unsure: "the page hardly matches its form",
  too_blurred: "the scan is blurred",
  too_small: "the scan has too few pixels",
  too_faint: "the writing is faint",
  to_key: "to be typed from its picture",
  double: "more than one is marked",
  unsure_mark: "not sure of a mark",
  unreadable_code: "the code cannot be read",
  unsure_code: "not sure of the code",
};

export function inWords(reason) {
  return REASONS[reason] ?? reason;
}
