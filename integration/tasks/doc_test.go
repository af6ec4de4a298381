// Package tasks tests record tasks, and rules and callbacks made by the API, as
// somebody meets them who wrote for the original: with the official Go SDK, its
// endpoint changed and nothing else, against bin/mediamtx and real publishers.
// What lies in the store afterwards is read by ffprobe and ffmpeg.
package tasks
