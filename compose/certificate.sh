#!/bin/sh
# Makes a certificate for localhost that this installation trusts and no browser does: for trying it out.
# In earnest put your own quire.pem (chain, then key), chain.pem and key.pem into the folder.
set -eu
folder=${1:?the folder for the certificate}
[ ! -s "$folder/quire.pem" ] || exit 0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$folder/key.pem" -out "$folder/chain.pem"
cat "$folder/chain.pem" "$folder/key.pem" > "$folder/quire.pem.new"
# Readable for the accounts that servers and balancers run as.
chmod 644 "$folder/key.pem" "$folder/quire.pem.new"
mv "$folder/quire.pem.new" "$folder/quire.pem"
