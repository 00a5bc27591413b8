const data = JSON.parse(document.getElementById('data').textContent);
const at = (id) => document.getElementById(id);
for (const place of document.querySelectorAll('.base')) place.textContent = location.origin;
let url = null;

at('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  const headers = {'Content-Type': 'application/json'};
  if (data.locked) headers.Authorization = `Bearer ${at('token').value.trim()}`;
  at('speak').disabled = true;
  at('said').textContent = 'Speaking …';
  try {
    const asked = {input: at('text').value, voice: at('voice').value, response_format: 'mp3'};
    const answer = await fetch('/v1/audio/speech', {method: 'POST', headers, body: JSON.stringify(asked)});
    if (!answer.ok) throw new Error((await answer.json()).error.message);
    const sound = await answer.blob();
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(sound);
    at('sound').src = url;
    at('file').href = url;
    at('heard').hidden = false;
    at('said').textContent = '';
    at('sound').play().catch(() => {});
  } catch (problem) {
    at('said').textContent = problem instanceof TypeError ? 'The server does not answer.' : problem.message;
  } finally {
    at('speak').disabled = false;
  }
});
