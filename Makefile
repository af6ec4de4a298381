# `make` lists the targets. See docs/ for what they show.
SHELL := /bin/bash
MEDIAMTX ?= v1.21.0
BUILD := GOOS= GOARCH= go run ./patches/build
TARGET := $(if $(GOOS),-goos $(GOOS)) $(if $(GOARCH),-goarch $(GOARCH))
RELEASES := $(sort $(notdir $(patsubst %/release.json,%,$(wildcard patches/v*/release.json))))
GOLANGCI := build/tools/golangci-lint
GOLANGCI_VERSION := v2.15.0

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: run
run: build ## build the server and start it with mediamtx.yml
	@echo
	@echo 'Publish a test picture with (another terminal):'
	@echo "  ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 -c:v libx264 -preset veryfast -g 60 -pix_fmt yuv420p -c:a aac -f flv rtmp://127.0.0.1/live/test"
	@echo 'Stop it with q: the recording lies finished under data/recordings/.'
	@echo
	bin/mediamtx mediamtx.yml

.PHONY: build
build: ## make bin/mediamtx; another release: make build MEDIAMTX=v1.14.0
	@$(BUILD) -mediamtx $(MEDIAMTX) $(TARGET) build

.PHONY: test
test: deps ## all tests: the bridges, units, then black box against bin/mediamtx
	@for r in $(RELEASES); do $(BUILD) -mediamtx $$r -race test || exit 1; done
	@[ ! -d patches/v1.14.0 ] || $(BUILD) -mediamtx v1.14.0 -o bin/mediamtx-v1.14.0 build
	@$(BUILD) build
	go vet ./...
	go test -race -timeout 30m $$(go list ./... | grep -v /integration/torture)
	go test -race -timeout 30m ./integration/torture # alone: it measures what a busy machine spoils

.PHONY: players
players: deps build ## only: hls.js and mpegts.js in Chromium, GStreamer, m3u8-parser play what was recorded; WHIP from Chromium
	go test -race -count=1 ./integration/players

.PHONY: test-upstream
test-upstream: ## MediaMTX's own tests of the packages that we touch
	@$(BUILD) -mediamtx $(MEDIAMTX) test-upstream

.PHONY: upgrade
upgrade: ## make another release of MediaMTX the default: make upgrade V=v1.22.0
	@[ -n "$(V)" ] || { echo "which release? make upgrade V=v1.22.0"; exit 1; }
	@$(BUILD) -mediamtx $(V) upgrade

.PHONY: diff
diff: ## what changed on the way of the media: make diff FROM=v1.21.0 V=v1.22.0
	@[ -n "$(V)" ] || { echo "which release? make diff FROM=$(MEDIAMTX) V=v1.22.0"; exit 1; }
	@$(BUILD) -mediamtx $(V) $(if $(FROM),-from $(FROM)) diff

.PHONY: demo
demo: deps build ## publish, drop, republish; print the objects and how they were spliced
	go run ./integration/demo

.PHONY: bench
bench: deps build ## measurements, as ratios
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: torture
torture: deps build build/tools/versitygw ## the long fault suite: make torture SEED=1 N=200; WRITE=1 writes its figures into docs/torture.md
	go test -count=1 -tags torture -v -timeout 0 ./integration/torture -args -seed=$(or $(SEED),1) -n=$(or $(N),200) $(if $(WRITE),-write)
	go test -count=1 -tags torture -run TestForeignServer ./internal/store/cos
	go test -count=1 -tags torture -v -timeout 0 -run TestSixtyFiveMinutesPaced ./plugin
	LIVERECORD_LONG=1 go test -count=1 -timeout 0 -run TestThousandEndInTheSameSecond ./plugin
	LIVERECORD_LONG=1 go test -count=1 -v -timeout 0 -run TestRuleEdits ./integration/recording
	go test -count=1 -v -timeout 0 ./integration/splice -args -long -seed=$(or $(SEED),1)
	go test -count=1 -v -timeout 0 ./integration/hostile -args -long -seed=$(or $(SEED),1)

# A real S3 server that is not ours, which the COS store must get on with.
build/tools/versitygw:
	GOBIN=$(CURDIR)/build/tools go install github.com/versity/versitygw/cmd/versitygw@v1.8.0

.PHONY: cos-server
cos-server: ## a COS server to try uploads without an account
	go run ./integration/cosserver/cmd/cos-server

.PHONY: lint
lint: $(GOLANGCI) ## formatting, vet, linters, and that layers keep apart
	@bad=$$(git ls-files '*.go' | xargs gofmt -l); [ -z "$$bad" ] || { echo "run gofmt -w on:"; echo "$$bad"; exit 1; }
	go vet ./...
	@for r in $(RELEASES); do $(BUILD) -mediamtx $$r vet || exit 1; done
	$(GOLANGCI) run ./...

$(GOLANGCI): Makefile
	GOBIN=$(CURDIR)/build/tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@touch $@

.PHONY: deps
deps: ## install what the tests need (Debian, as root), or say what is missing
	@.ci/deps

.PHONY: clean
clean: ## remove what was built; recordings (data/) stay
	rm -rf bin build
