// Before the script of every component of our own.

function make(parent, kind, name = '', text = '') {
  const made = document.createElement(kind);
  made.className = name;
  made.textContent = text;
  parent.append(made);
  return made;
}

function makeButton(parent, name, text, onClick) {
  const made = make(parent, 'button', name, text);
  made.type = 'button';
  made.onclick = onClick;
  return made;
}
