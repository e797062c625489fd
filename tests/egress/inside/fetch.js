// fetch.js: reads lines "fetch|get FAMILY URL" and prints "=== N" and the body, or why there is none.
// `fetch` has no choice of a family. One process for all of them: node is slow to start.
const http = require('http'), https = require('https'), readline = require('readline');

const why = error => String(error.cause || error);
const get = (url, family) => new Promise((done, failed) => {
  const client = url.startsWith('https:') ? https : http;
  const request = client.get(url, {family, timeout: 20000}, response => {
    let body = '';
    response.on('data', piece => body += piece).on('end', () => done(body)).on('error', failed);
  });
  request.on('timeout', () => request.destroy(new Error('timeout'))).on('error', failed);
});

(async () => {
  let number = 0;
  for await (const line of readline.createInterface({input: process.stdin})) {
    const [how, family, url] = line.split(' ');
    console.log(`=== ${number++}`);
    try {
      console.log(how === 'get' ? await get(url, +family) : await (await fetch(url)).text());
    } catch (error) {
      console.log(why(error));
    }
  }
})();
