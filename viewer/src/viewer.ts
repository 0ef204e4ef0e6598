import { mount } from "svelte";
import "./theme.css";
import Viewer from "./Viewer.svelte";

mount(Viewer, { target: document.getElementById("app")! });
