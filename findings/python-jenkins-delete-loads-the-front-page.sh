#!/usr/bin/env bash
# python-jenkins 1.8.3: Jenkins answers doDelete with a redirect to the page above the job, and
# delete_job follows it: each deleted job makes Jenkins draw its whole front page, before another
# request asks whether the job is gone. The server here answers as Jenkins does. Seen: the requests.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet python-jenkins==1.8.3 'setuptools==81.0.0'
cat >delete.py <<'END'
import http.server
import threading

import jenkins


class Server(http.server.BaseHTTPRequestHandler):
    def answer(self):
        if "crumbIssuer" not in self.path:
            print(self.command, self.path)
        if self.path.endswith("doDelete"):
            self.send_response(302)
            self.send_header("Location", f"http://{self.headers['Host']}/")
        else:
            self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = answer

    def log_message(self, *arguments):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
jenkins.Jenkins(f"http://127.0.0.1:{server.server_port}/").delete_job("old")
END
venv/bin/python delete.py | tee seen
[ "$(cat seen)" = "POST /job/old/doDelete
GET /
GET /job/old/api/json?tree=name" ]
