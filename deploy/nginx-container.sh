#!/bin/sh
# Starts nginx with nginx.conf from this folder, for another name and other replicas:
#
#   nginx-container.sh faces.example.org 172.30.85.11:8501 172.30.85.12:8501
#
# The container has no root and writes only below /tmp; compose.yaml runs it.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: $0 NAME REPLICA:PORT ..." >&2
    exit 2
fi
name=$1
shift
source=$(dirname "$0")/nginx.conf
secrets=${SECRETS:-/run/secrets}
work=${WORK:-/tmp/nginx}
mkdir -p "$work"

for replica; do
    echo "server $replica max_fails=1 fail_timeout=10s;"
done > "$work/replicas.conf"

sed -e "s|faces\.example\.org;|$name;|" \
    -e "s|/etc/letsencrypt/live/faces\.example\.org/|$secrets/|" \
    -e "s|server 127\.0\.0\.1:8501 .*|include $work/replicas.conf;|" \
    -e "/server 127\.0\.0\.1:8502 /d" \
    "$source" > "$work/ferapp.conf"
# A kernel without IPv6 has no such addresses to listen on.
if [ ! -e /proc/net/if_inet6 ]; then
    sed -i '/listen \[::\]/d' "$work/ferapp.conf"
fi
if grep -n 'faces\.example\.org\|127\.0\.0\.1' "$work/ferapp.conf" >&2; then
    echo "$source is not as $0 expects it: these lines are still to change." >&2
    exit 1
fi

cat > "$work/nginx.conf" <<END
worker_processes auto;
pid $work/nginx.pid;
error_log stderr;
events {}
http {
    include /etc/nginx/mime.types;
    server_tokens off;
    # Of the server that only redirects as well; the folder of logs is not writable.
    access_log off;
    client_body_temp_path $work/body;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    include $work/ferapp.conf;
}
END
exec "${NGINX:-nginx}" -e stderr -c "$work/nginx.conf" -g 'daemon off;'
